import type { LoadProgress } from "@lllite/runtime-web"
import type { JSX } from "preact"
import { draft } from "../draw/recipe-state.ts"
import { messages } from "../language/language.ts"
import { Said } from "../language/said.tsx"
import { modelFacts } from "../models/model-facts.ts"
import { BACKENDS, ModelPanel } from "../models/model-panel.tsx"
import { MODEL_PANEL } from "../models/model-panel-state.ts"
import { addressedBackend } from "./address.ts"
import { memoryText } from "./bytes.ts"
import { modelState, TINY_SOURCE } from "./model.ts"

/** The model in short. It opens what there is to say of it: its size, its backend, and the memory that it needs. */
export function ModelButton(): JSX.Element {
  const state = modelState.value
  const runtime = "runtime" in state ? state.runtime : null
  const need = "need" in state ? state.need : null
  const words = messages.value.models
  return (
    <div class="model" data-phase={state.phase} data-backend={runtime?.backend}>
      <button type="button" class="model-button" popoverTarget={MODEL_PANEL}>
        <span class="dot" aria-hidden="true" />
        <span class="model-name" translate={false}>
          {"from" in state ? state.from.name : modelFacts.value.name}
        </span>
        <span class="model-facts">
          {state.phase === "loading" ? (
            <Loading progress={state.progress} expected={state.from === TINY_SOURCE ? TINY_BYTES : null} />
          ) : state.phase === "starting" ? (
            words.starting
          ) : state.phase === "failed" ? (
            words.notStarted
          ) : (
            <>
              {draft.value.width} px · {BACKENDS[state.runtime.backend]}
              {need === null ? "" : ` · ${memoryText(need.generateBytes)}`}
            </>
          )}
        </span>
      </button>
      <ModelPanel />
    </div>
  )
}

/** Why the model could not be started, and what to try. Without a failure there is no element. */
export function ModelFailure(): JSX.Element | null {
  const state = modelState.value
  if (state.phase !== "failed") return null
  const words = messages.value.models
  return (
    <p class="banner" role="alert">
      <span>
        <Said of={state.problem} />
      </span>{" "}
      {addressedBackend().known === "webgpu" ? (
        <a href="?backend=wasm">{words.useWasm}</a>
      ) : (
        <a href={location.search === "" ? "./" : location.search}>{words.tryAgain}</a>
      )}
    </p>
  )
}

interface LoadingProps {
  readonly progress: LoadProgress | null
  /** Bytes of the file, where they are known before the server says them. */
  readonly expected: number | null
}

function Loading({ progress, expected }: LoadingProps): JSX.Element {
  const words = messages.value.models
  if (progress === null) return <>{words.loading}</>
  const { kind, done } = progress
  const total = progress.total ?? expected
  const what = kind === "download" ? words.downloading : words.loadingFile
  const inMegabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
  const amount = words.megabytes(inMegabytes(done), total === null ? null : inMegabytes(total))
  return (
    <>
      <span class="loading-text">
        {what} {amount}
      </span>{" "}
      <progress aria-label={what} {...(total === null ? {} : { max: total, value: done })} />
    </>
  )
}
