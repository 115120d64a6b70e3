import type { LoadProgress, MemoryNeed, SdxlHandle, WebRuntime, WebSource } from "@lllite/runtime-web"
import { createWebRuntime, offersFloat16 } from "@lllite/runtime-web"
import llliteUrl from "@lllite/tiny/lllite-canny.safetensors?url"
import tinyUrl from "@lllite/tiny/tiny-sdxl.safetensors?url"
import { signal } from "@preact/signals"
import { addNetwork, BUILT_IN, networks } from "../controls/networks.ts"
import { sha256Of } from "../hashes/sha256-of.ts"
import { PageError, problemOf, remark, type Sentence, sentence } from "../language/sentence.ts"
import { unloadNetworks } from "../models/loaded-networks.ts"
import { heldBy, type ModelFacts, modelFacts, sizesOf, TINY_FACTS } from "../models/model-facts.ts"
import { findModelHash } from "../models/model-hash.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import { addressedBackend, addressedPrecision, type Precision } from "./address.ts"
import { say } from "./status-line.tsx"

/** A model that can be loaded. */
export interface ModelSource {
  /** Its name on the page. */
  readonly name: string
  /** Its file or address in recipes. */
  readonly path: string
  readonly source: WebSource
  /** A VAE that replaces its own. */
  readonly vae: File | null
  /** SHA-256 of its file. Null: it is found while the model draws. */
  readonly sha256: string | null
  /** Pixels of a picture's side for which its memory is planned. */
  readonly side: number
}

/** A model on a backend that works. */
export interface ReadyModel {
  readonly runtime: WebRuntime
  readonly sdxl: SdxlHandle
  readonly need: MemoryNeed | null
  readonly from: ModelSource
}

export type ModelState =
  | { readonly phase: "starting" }
  | {
      readonly phase: "loading"
      readonly runtime: WebRuntime
      readonly from: ModelSource
      readonly progress: LoadProgress | null
      /** The memory that the model needs. Null until it is known. */
      readonly need: MemoryNeed | null
    }
  | ({ readonly phase: "ready" } & ReadyModel)
  | { readonly phase: "failed"; readonly problem: Sentence }

export const modelState = signal<ModelState>({ phase: "starting" })
/** Why the last model was not opened, while another one is ready. */
export const openingProblem = signal<Sentence | null>(null)

/** The model of this page. */
export const TINY_SOURCE: ModelSource = {
  ...{ name: TINY_FACTS.name, path: TINY_FACTS.path, source: { url: tinyUrl, keep: false } },
  ...{ vae: null, sha256: TINY_SHA256, side: SIZE },
}

let controller: AbortController | null = null

/** Whether the browser shows float16 on WebGPU. False until it is known. */
export const canChoosePrecision = signal(false)
/** The precision that is wanted on WebGPU. */
export const precision = signal<Precision>("F32")

/** Starts the runtime and loads the built-in model and LLLite. An error becomes the state `failed`. */
export async function startModel(): Promise<void> {
  try {
    const runtime = await startRuntime()
    modelState.value = { phase: "loading", runtime, from: TINY_SOURCE, progress: null, need: null }
    const source = await builtIn()
    addNetwork({
      ...{ name: BUILT_IN, kind: "lllite", source, sha256: await sha256Of(source), control: "canny", types: [] },
      isKept: false,
    })
    // Built-in things come first.
    networks.value = [...networks.value].sort((a, b) => Number(b.name === BUILT_IN) - Number(a.name === BUILT_IN))
    ready(runtime, TINY_SOURCE, await load(runtime, TINY_SOURCE))
  } catch (error) {
    modelState.value = { phase: "failed", problem: sentence("models", "failed", problemOf(error)) }
  }
}

/** Starts the runtime that the address names. What it names and the browser does not have is said. */
async function startRuntime(): Promise<WebRuntime> {
  const backend = addressedBackend()
  const wanted = addressedPrecision()
  precision.value = wanted.known ?? "F32"
  const runtime = await createWebRuntime({
    ...(backend.known === "webgpu" ? { backend: "webgpu", software: true } : {}),
    ...(backend.known === "wasm" ? { backend: "wasm" } : {}),
    precision: precision.value,
  })
  canChoosePrecision.value = runtime.backend === "webgpu" && (await offersFloat16())
  const said = [
    ...(backend.known === null && backend.text !== null ? [sentence("page", "unknownBackend", backend.text)] : []),
    ...(wanted.known === null && wanted.text !== null ? [sentence("page", "unknownPrecision", wanted.text)] : []),
    ...(precision.value !== "F16"
      ? []
      : runtime.backend === "wasm"
        ? [sentence("page", "noFloat16")]
        : runtime.notices.map(remark)),
  ]
  if (said.length > 0) say(said)
  return runtime
}

/**
 * Starts the runtime anew, with the model that it had and what the address names now. A model that cannot be loaded again
 * becomes `openingProblem`, and the built-in one comes back.
 */
export async function restartModel(): Promise<void> {
  const before = modelState.value
  if (before.phase !== "ready" || isHeld(before)) return
  const { from } = before
  modelState.value = { phase: "starting" }
  try {
    await before.runtime.dispose()
    const runtime = await startRuntime()
    modelState.value = { phase: "loading", runtime, from, progress: null, need: null }
    if (from === TINY_SOURCE) return await loadBuiltIn(runtime)
    try {
      ready(runtime, from, await load(runtime, from))
    } catch (error) {
      openingProblem.value = controller?.signal.aborted === true ? null : problemOf(error)
      await loadBuiltIn(runtime)
    }
  } catch (error) {
    modelState.value = { phase: "failed", problem: sentence("models", "failed", problemOf(error)) }
  }
}

/** Loads the built-in model. An error becomes the state `failed`. */
async function loadBuiltIn(runtime: WebRuntime): Promise<void> {
  try {
    ready(runtime, TINY_SOURCE, await load(runtime, TINY_SOURCE))
  } catch (error) {
    modelState.value = { phase: "failed", problem: sentence("models", "failed", problemOf(error)) }
  }
}

/** Whether something works with the model for long. Then `openingProblem` says what. */
function isHeld({ from }: ReadyModel): boolean {
  openingProblem.value = heldBy.value === null ? null : sentence("models", "holds", heldBy.value, from.name)
  return heldBy.value !== null
}

/**
 * Loads another model in the place of the one that is ready. Its networks are loaded anew when they are used. A model
 * that cannot be loaded becomes `openingProblem`, and the former one stays, or the built-in one comes back.
 *
 * @returns whether it is ready
 */
export async function openModel(from: ModelSource): Promise<boolean> {
  const before = modelState.value
  if (before.phase !== "ready") return false
  const { runtime } = before
  if (isHeld(before)) return false
  // The built-in model is small, so it stays until the other one is there.
  const isSmall = before.from.path === TINY_SOURCE.path
  try {
    modelState.value = { phase: "loading", runtime, from, progress: null, need: null }
    if (!isSmall) await close(before.sdxl)
    const loaded = await load(runtime, from)
    if (isSmall) await close(before.sdxl)
    ready(runtime, from, loaded)
    return true
  } catch (error) {
    openingProblem.value = controller?.signal.aborted === true ? null : problemOf(error)
    if (isSmall) modelState.value = before
    else await loadBuiltIn(runtime)
    return false
  }
}

/** Stops the loading of a model. What was downloaded stays, to be continued. */
export function stopLoading(): void {
  controller?.abort()
}

async function close(sdxl: SdxlHandle): Promise<void> {
  await unloadNetworks(sdxl)
  await sdxl.dispose()
}

async function load(runtime: WebRuntime, from: ModelSource): Promise<Pick<ReadyModel, "sdxl" | "need">> {
  let need: MemoryNeed | null = null
  controller = new AbortController()
  const { signal } = controller
  const sdxl = await runtime.loadSdxl(from.source, {
    ...{ side: from.side, signal },
    ...(from.vae === null ? {} : { vae: from.vae }),
    onPlan: (planned) => {
      need = planned
      modelState.value = { phase: "loading", runtime, from, progress: null, need }
    },
    onProgress: (progress) => {
      modelState.value = { phase: "loading", runtime, from, progress, need }
    },
  })
  return { sdxl, need }
}

function ready(runtime: WebRuntime, from: ModelSource, { sdxl, need }: Pick<ReadyModel, "sdxl" | "need">): void {
  const { name, path, vae, sha256 } = from
  const facts: ModelFacts = {
    ...{ name, path, vae: vae?.name ?? null, sha256, isBuiltIn: path === TINY_SOURCE.path },
    ...sizesOf(sdxl.layout),
  }
  modelFacts.value = facts
  modelState.value = { phase: "ready", runtime, sdxl, need, from }
  if (sha256 === null) void findModelHash(from.source, facts)
}

/** The file of the built-in LLLite. @throws PageError when it cannot be loaded */
async function builtIn(): Promise<Blob> {
  const response = await fetch(llliteUrl)
  if (!response.ok) throw new PageError(sentence("page", "serverAnswered", response.status, llliteUrl))
  return response.blob()
}
