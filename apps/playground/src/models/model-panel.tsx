import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { messageOf } from "../page/message.ts"
import { modelState, openingProblem, stopLoading, TINY_SOURCE } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { FileButton } from "../pictures/file-drop.tsx"
import { KeptFiles } from "./kept-files.tsx"
import { modelFacts } from "./model-facts.ts"
import { MODEL_PANEL } from "./model-panel-state.ts"
import { fileSource, textSource } from "./model-source.ts"
import { NeedBar } from "./need-bar.tsx"
import { openChosen, openVae } from "./open-chosen.ts"
import { propose } from "./proposal.ts"
import { ProposalCard } from "./proposal-card.tsx"

export const BACKENDS = { webgpu: "WebGPU", wasm: "WebAssembly" } as const

/** What there is to say of the model, and what opens another one. */
export function ModelPanel(): JSX.Element {
  const state = modelState.value
  const runtime = "runtime" in state ? state.runtime : null
  const need = "need" in state ? state.need : null
  const { isBuiltIn, vae } = modelFacts.value
  const name = "from" in state ? state.from.name : modelFacts.value.name
  return (
    <div id={MODEL_PANEL} popover="auto" class="model-details">
      <section>
        <h2 class="model-title">{name}</h2>
        {isBuiltIn && (
          <p class="note">
            It is part of this page. It draws one or two coloured shapes on white paper, and knows few words.
          </p>
        )}
        {runtime !== null && (
          <p class="note">
            Runs on {BACKENDS[runtime.backend]}, {runtime.version}.
          </p>
        )}
        {need !== null && runtime !== null && (
          <NeedBar need={need} roomBytes={runtime.backend === "wasm" ? 2 ** 32 : null} />
        )}
        {runtime?.notices.map((notice) => (
          <p key={notice} class="note">
            {notice}
          </p>
        ))}
        {state.phase === "ready" && (
          <div class="row">
            {!isBuiltIn && (
              <button type="button" onClick={() => void openChosen(TINY_SOURCE)}>
                Back to the tiny SDXL
              </button>
            )}
            <VaeField name={vae} />
          </div>
        )}
        {state.phase === "loading" && state.from !== TINY_SOURCE && (
          <div class="row">
            <button type="button" onClick={stopLoading}>
              Stop loading
            </button>
          </div>
        )}
        <Problem text={openingProblem.value} />
      </section>
      <OpenModel />
      <KeptFiles />
      <p class="note">Your drawings and files never leave this tab.</p>
    </div>
  )
}

/** The VAE of the model, and what replaces it. */
function VaeField({ name }: { readonly name: string | null }): JSX.Element {
  const [problem, setProblem] = useState<string | null>(null)
  const open = (file: File | null): void => {
    setProblem(null)
    openVae(file).catch((error: unknown) => setProblem(messageOf(error)))
  }
  return (
    <>
      {name === null ? (
        <FileButton
          label="Another VAE"
          accept=".safetensors"
          onFiles={([file]) => {
            if (file !== undefined) open(file)
          }}
        />
      ) : (
        <span class="vae-name">
          VAE: {name}{" "}
          <button type="button" class="quiet" onClick={() => open(null)}>
            Its own again
          </button>
        </span>
      )}
      {openingProblem.value === null && <Problem text={problem} />}
    </>
  )
}

/** Opens a checkpoint from a disk, an address or the Hub. Its plan comes first. */
function OpenModel(): JSX.Element {
  const [text, setText] = useState("")
  const [problem, setProblem] = useState<string | null>(null)
  const look = (): void => {
    try {
      const from = textSource(text)
      setProblem(null)
      void propose(from)
    } catch (error) {
      setProblem(messageOf(error))
    }
  }
  return (
    <section aria-labelledby="open-model">
      <h2 id="open-model">Open another SDXL</h2>
      <p class="note">
        A checkpoint on your disk is read in place. A download is kept here, and continued if it breaks off.
      </p>
      <div class="row">
        <FileButton
          label="Open a checkpoint"
          accept=".safetensors"
          onFiles={([file]) => {
            if (file !== undefined) void propose(fileSource(file))
          }}
        />
      </div>
      <form
        class="address"
        onSubmit={(event) => {
          event.preventDefault()
          look()
        }}
      >
        <label class="field">
          Address, or name on the Hugging Face Hub
          <input
            type="text"
            value={text}
            placeholder="owner/name:file.safetensors"
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={text.trim() === ""}>
          Look
        </button>
      </form>
      <Problem text={problem} />
      <ProposalCard />
    </section>
  )
}
