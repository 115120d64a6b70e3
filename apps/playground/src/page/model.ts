import type { LoadProgress, MemoryNeed, SdxlHandle, WebRuntime } from "@lllite/runtime-web"
import { createWebRuntime } from "@lllite/runtime-web"
import llliteUrl from "@lllite/tiny/lllite-canny.safetensors?url"
import tinyUrl from "@lllite/tiny/tiny-sdxl.safetensors?url"
import { signal } from "@preact/signals"
import { addLllite, BUILT_IN, sha256Of } from "../controls/lllites.ts"
import { SIZE } from "../pictures/canvas-image.ts"

/** The embedded model on a backend that works. */
export interface ReadyModel {
  readonly runtime: WebRuntime
  readonly sdxl: SdxlHandle
  readonly need: MemoryNeed | null
}

export type ModelState =
  | { readonly phase: "starting" }
  | {
      readonly phase: "loading"
      readonly runtime: WebRuntime
      readonly progress: LoadProgress | null
      /** The memory that the model needs. Null until it is known. */
      readonly need: MemoryNeed | null
    }
  | ({ readonly phase: "ready" } & ReadyModel)
  | { readonly phase: "failed"; readonly message: string }

export const modelState = signal<ModelState>({ phase: "starting" })

/** Starts the runtime and loads the embedded model and LLLite. An error becomes the state `failed`. */
export async function startModel(): Promise<void> {
  try {
    const backend = chosenBackend()
    const runtime = await createWebRuntime(
      backend === "webgpu" ? { backend, software: true } : backend ? { backend } : {},
    )
    modelState.value = { phase: "loading", runtime, progress: null, need: null }
    let need: MemoryNeed | null = null
    const sdxl = await runtime.loadSdxl(
      { url: tinyUrl, keep: false },
      {
        side: SIZE,
        onPlan: (planned) => {
          need = planned
          modelState.value = { phase: "loading", runtime, progress: null, need }
        },
        onProgress: (progress) => {
          modelState.value = { phase: "loading", runtime, progress, need }
        },
      },
    )
    const lllite = await built()
    const adapter = await runtime.loadAdapter(lllite, sdxl)
    addLllite({ name: BUILT_IN, adapter, sha256: await sha256Of(await lllite.arrayBuffer()), kind: "canny" })
    modelState.value = { phase: "ready", runtime, sdxl, need }
  } catch (error) {
    modelState.value = { phase: "failed", message: messageOf(error) }
  }
}

/** The file of the built-in LLLite. @throws Error when it cannot be loaded */
async function built(): Promise<Blob> {
  const response = await fetch(llliteUrl)
  if (!response.ok) throw new Error(`The server answered ${response.status} to ${llliteUrl}.`)
  return response.blob()
}

/** The backend of `?backend=wasm` or `?backend=webgpu`. A WebGPU that is named may compute in software. */
export function chosenBackend(): "webgpu" | "wasm" | null {
  const name = new URLSearchParams(location.search).get("backend")
  return name === "webgpu" || name === "wasm" ? name : null
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
