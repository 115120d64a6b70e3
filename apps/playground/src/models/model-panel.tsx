import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Notes } from "../language/said.tsx"
import { problemOf, remark, type Sentence } from "../language/sentence.ts"
import { ChoiceField } from "../page/fields.tsx"
import { canChoosePrecision, modelState, openingProblem, precision, stopLoading, TINY_SOURCE } from "../page/model.ts"
import { Problem } from "../page/problem.tsx"
import { FileButton } from "../pictures/file-drop.tsx"
import { KeptFiles } from "./kept-files.tsx"
import { modelFacts } from "./model-facts.ts"
import { MODEL_PANEL } from "./model-panel-state.ts"
import { fileSource, textSource } from "./model-source.ts"
import { NeedBar } from "./need-bar.tsx"
import { choosePrecision, openChosen, openVae } from "./open-chosen.ts"
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
  const words = messages.value.models
  return (
    <div id={MODEL_PANEL} popover="auto" class="model-details">
      <section>
        <h2 class="model-title" translate={false}>
          {name}
        </h2>
        {isBuiltIn && <p class="note">{words.aboutTiny}</p>}
        {runtime !== null && <p class="note">{words.runsOn(BACKENDS[runtime.backend], runtime.version)}</p>}
        {runtime?.backend === "webgpu" && canChoosePrecision.value && <PrecisionField />}
        {need !== null && runtime !== null && (
          <NeedBar need={need} roomBytes={runtime.backend === "wasm" ? 2 ** 32 : null} />
        )}
        <Notes of={(runtime?.notices ?? []).map(remark)} />
        {state.phase === "ready" && (
          <div class="row">
            {!isBuiltIn && (
              <button type="button" onClick={() => void openChosen(TINY_SOURCE)}>
                {words.backToTiny}
              </button>
            )}
            <VaeField name={vae} />
          </div>
        )}
        {state.phase === "loading" && state.from !== TINY_SOURCE && (
          <div class="row">
            <button type="button" onClick={stopLoading}>
              {words.stopLoading}
            </button>
          </div>
        )}
        <Problem of={openingProblem.value} />
      </section>
      <OpenModel />
      <KeptFiles />
      <p class="note">{words.private}</p>
    </div>
  )
}

/** The precision on WebGPU. Another one starts the backend anew, with the same model. */
function PrecisionField(): JSX.Element {
  const words = messages.value.models
  return (
    <ChoiceField
      label={words.precision}
      value={precision.value}
      names={["F32", "F16"]}
      textOf={(name) => words.precisions[name]}
      hint={words.precisionHint}
      disabled={modelState.value.phase !== "ready"}
      onValue={(chosen) => void choosePrecision(chosen)}
    />
  )
}

/** The VAE of the model, and what replaces it. */
function VaeField({ name }: { readonly name: string | null }): JSX.Element {
  const [problem, setProblem] = useState<Sentence | null>(null)
  const words = messages.value.models
  const open = (file: File | null): void => {
    setProblem(null)
    openVae(file).catch((error: unknown) => setProblem(problemOf(error)))
  }
  return (
    <>
      {name === null ? (
        <FileButton
          label={words.anotherVae}
          accept=".safetensors"
          onFiles={([file]) => {
            if (file !== undefined) open(file)
          }}
        />
      ) : (
        <span class="vae-name">
          {words.vaeNamed(name)}
          <button type="button" class="quiet" onClick={() => open(null)}>
            {words.ownVae}
          </button>
        </span>
      )}
      {openingProblem.value === null && <Problem of={problem} />}
    </>
  )
}

/** Opens a checkpoint from a disk, an address or the Hub. Its plan comes first. */
function OpenModel(): JSX.Element {
  const words = messages.value.models
  const [text, setText] = useState("")
  const [problem, setProblem] = useState<Sentence | null>(null)
  const look = (): void => {
    try {
      const from = textSource(text)
      setProblem(null)
      void propose(from)
    } catch (error) {
      setProblem(problemOf(error))
    }
  }
  return (
    <section aria-labelledby="open-model">
      <h2 id="open-model">{words.openAnother}</h2>
      <p class="note">{words.openNote}</p>
      <div class="row">
        <FileButton
          label={words.openCheckpoint}
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
          {words.address}
          <input
            type="text"
            value={text}
            placeholder={words.addressExample}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={text.trim() === ""}>
          {words.look}
        </button>
      </form>
      <Problem of={problem} />
      <ProposalCard />
    </section>
  )
}
