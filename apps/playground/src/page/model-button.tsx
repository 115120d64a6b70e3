import type { LoadProgress, MemoryNeed } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { SIZE } from "../pictures/canvas-image.ts"
import { chosenBackend, modelState } from "./model.ts"

const BACKENDS = { webgpu: "WebGPU", wasm: "WebAssembly" } as const

/** The model in short. It opens what there is to say of it: its size, its backend, and the memory that it needs. */
export function ModelButton(): JSX.Element {
  const state = modelState.value
  const runtime = "runtime" in state ? state.runtime : null
  const need = "need" in state ? state.need : null
  return (
    <div class="model" data-phase={state.phase} data-backend={runtime?.backend}>
      <button type="button" class="model-button" popoverTarget="model-details">
        <span class="dot" aria-hidden="true" />
        <span class="model-name">Tiny SDXL</span>
        <span class="model-facts">
          {state.phase === "loading" ? (
            <Loading progress={state.progress} />
          ) : state.phase === "starting" ? (
            "starting …"
          ) : state.phase === "failed" ? (
            "not started"
          ) : (
            <>
              {SIZE} px · {BACKENDS[state.runtime.backend]}
              {need === null ? "" : ` · ${mebibytes(need.generateBytes)}`}
            </>
          )}
        </span>
      </button>
      <div id="model-details" popover="auto" class="model-details">
        <h2>Tiny SDXL</h2>
        <p>
          It is part of this page. It draws one or two coloured shapes on white paper, and knows few words. The same
          code runs the real SDXL.
        </p>
        {runtime !== null && (
          <p>
            Runs on {BACKENDS[runtime.backend]}, {runtime.version}.
          </p>
        )}
        {need === null ? null : <Need need={need} isGpu={runtime?.backend === "webgpu"} />}
        {runtime?.notices.map((notice) => (
          <p key={notice}>{notice}</p>
        ))}
        <p>Your drawings and files never leave this tab.</p>
      </div>
    </div>
  )
}

/** Why the model could not be started, and what to try. Without a failure there is no element. */
export function ModelFailure(): JSX.Element | null {
  const state = modelState.value
  if (state.phase !== "failed") return null
  return (
    <p class="banner" role="alert">
      <span>The model could not be started: {state.message}</span>{" "}
      {chosenBackend() === "webgpu" ? (
        <a href="?backend=wasm">Use WebAssembly instead</a>
      ) : (
        <a href={location.search === "" ? "./" : location.search}>Try again</a>
      )}
    </p>
  )
}

/** The memory that the model needs, weights included. */
function Need({ need, isGpu }: { readonly need: MemoryNeed; readonly isGpu: boolean }): JSX.Element {
  const { side, weightBytes, generateBytes, trainBytes } = need
  const limit = isGpu ? "The browser does not report the card's memory." : "WebAssembly has 4,096 MiB."
  return (
    <p>
      Memory for pictures of {side} px: {mebibytes(generateBytes)} to generate, {mebibytes(trainBytes)} to train. Both
      include {mebibytes(weightBytes)} of weights. {limit}
    </p>
  )
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`
}

function Loading({ progress }: { readonly progress: LoadProgress | null }): JSX.Element {
  if (progress === null) return <>loading …</>
  const { kind, done, total } = progress
  const what = kind === "download" ? "downloading" : "loading"
  return (
    <>
      {what} {(done / 1e6).toFixed(1)} MB{" "}
      <progress aria-label={what} {...(total === null ? {} : { max: total, value: done })} />
    </>
  )
}
