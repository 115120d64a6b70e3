import type { LoadProgress } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { modelState } from "./model.ts"

/** How far the model is, and what it runs on. */
export function ModelStatus(): JSX.Element {
  const state = modelState.value
  if (state.phase === "failed") {
    return (
      <p class="status failed" role="alert">
        The model could not be started. {state.message}
      </p>
    )
  }
  if (state.phase === "starting") return <p class="status">Looking for a backend …</p>
  const { backend, version, notices } = state.runtime
  return (
    <div class="status" data-phase={state.phase} data-backend={backend}>
      {state.phase === "loading" ? <Loading progress={state.progress} /> : <p>The tiny SDXL is ready.</p>}
      <details>
        <summary>Runs on {backend === "webgpu" ? "WebGPU" : "WebAssembly"}</summary>
        <p>{version}</p>
        {notices.map((notice) => (
          <p key={notice}>{notice}</p>
        ))}
      </details>
    </div>
  )
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
