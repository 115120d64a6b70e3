import type { LoadProgress, MemoryNeed } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { chosenBackend, modelState } from "./model.ts"

/** The progress of loading the model, and its backend. */
export function ModelStatus(): JSX.Element {
  const state = modelState.value
  if (state.phase === "failed") {
    return (
      <p class="status failed" role="alert">
        <span>The model could not be started: {state.message}</span>
        {chosenBackend() === "webgpu" ? (
          <a href="?backend=wasm">Use WebAssembly instead</a>
        ) : (
          <a href={location.search === "" ? "./" : location.search}>Try again</a>
        )}
      </p>
    )
  }
  if (state.phase === "starting") return <p class="status">Starting a backend …</p>
  const { backend, version, notices } = state.runtime
  const { need } = state
  return (
    <div class="status" data-phase={state.phase} data-backend={backend}>
      {state.phase === "loading" ? <Loading progress={state.progress} /> : <p>The tiny SDXL is ready.</p>}
      <details>
        <summary>Runs on {backend === "webgpu" ? "WebGPU" : "WebAssembly"}</summary>
        <p>{version}</p>
        {need === null ? null : <Need need={need} isGpu={backend === "webgpu"} />}
        {notices.map((notice) => (
          <p key={notice}>{notice}</p>
        ))}
      </details>
    </div>
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
  if (progress === null) return <p>Loading the tiny SDXL …</p>
  const { kind, done, total } = progress
  const megabytes = (done / 1e6).toFixed(1)
  const what = kind === "download" ? "Downloading the tiny SDXL" : "Loading the tiny SDXL"
  return (
    <p>
      {what}, {megabytes} MB{" "}
      {total === null ? <progress aria-label={what} /> : <progress aria-label={what} max={total} value={done} />}
    </p>
  )
}
