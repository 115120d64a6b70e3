import type { AdapterHandle, LoadProgress, MemoryNeed, SdxlHandle, WebRuntime } from "@lllite/runtime-web"
import { createWebRuntime } from "@lllite/runtime-web"
import llliteUrl from "@lllite/tiny/lllite-canny.safetensors?url"
import tinyUrl from "@lllite/tiny/tiny-sdxl.safetensors?url"
import { signal } from "@preact/signals"
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

/** An LLLite that can be chosen. */
export interface NamedLllite {
  readonly name: string
  readonly adapter: AdapterHandle
}

/** All LLLites: the built-in one, those from files, and those that were trained here. */
export const lllites = signal<readonly NamedLllite[]>([])
/** Index of the LLLite that steers. */
export const chosenLllite = signal(0)

/** Adds an LLLite and chooses it. */
export function addLllite(name: string, adapter: AdapterHandle): void {
  lllites.value = [...lllites.value, { name, adapter }]
  chosenLllite.value = lllites.value.length - 1
}

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
    addLllite("Canny, built in", await runtime.loadAdapter({ url: llliteUrl, keep: false }, sdxl))
    modelState.value = { phase: "ready", runtime, sdxl, need }
  } catch (error) {
    modelState.value = { phase: "failed", message: messageOf(error) }
  }
}

/** The backend of `?backend=wasm` or `?backend=webgpu`. A WebGPU that is named may compute in software. */
export function chosenBackend(): "webgpu" | "wasm" | null {
  const name = new URLSearchParams(location.search).get("backend")
  return name === "webgpu" || name === "wasm" ? name : null
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
