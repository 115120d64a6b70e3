import { CoreError } from "@lllite/core"
import type { Footprint } from "@lllite/core/memory"
import { chooseVaeSlices, planMemory } from "@lllite/core/memory"
import type { VaeConfig, VaePicture, WeightFile } from "@lllite/core/models"
import { inferVaeConfig, vaeOf } from "@lllite/core/models"
import type { MemoryNeed, WebBackend } from "../tasks.ts"
import type { RunningBackend } from "./backend.ts"

/** What a WebAssembly heap can address. */
const WASM_BYTES = 2 ** 32

/** What the VAE may take for a picture: half of that heap; on a card so much that SDXL in 16 bits stays within 10 GiB. */
const VAE_BYTES = { webgpu: 3 * 2 ** 30, wasm: 2 ** 31 } as const satisfies Record<WebBackend, number>

/** CLIP's. */
const VOCABULARY = 49_408

/** Widths of an LLLite as they are usual. */
const LLLITE = { condDim: 32, mlpDim: 64 } as const

/** How a backend's ops take memory. */
function footprintOf({ backend, ops }: Pick<RunningBackend, "backend" | "ops">): Footprint {
  if (backend === "wasm") return { weightBytes: () => 4, backwardCopies: true }
  const { maxTensorBytes } = ops
  const weightBytes: Footprint["weightBytes"] = (dtype) => (dtype === "F16" || dtype === "BF16" ? 2 : 4)
  return { weightBytes, pooled: true, ...(maxTensorBytes === undefined ? {} : { maxTensorBytes }) }
}

/** Slices in which the VAE takes a picture here. */
export type SlicesOf = (picture: VaePicture) => Promise<number>

/** Remembers what it chose: a page makes many pictures of one size. */
export function createSlices(running: Pick<RunningBackend, "backend" | "ops">, config: VaeConfig): SlicesOf {
  const chosen = new Map<string, Promise<number>>()
  return ({ width, height }) => {
    const size = `${width}×${height}`
    const found =
      chosen.get(size) ?? chooseVaeSlices(config, { width, height }, VAE_BYTES[running.backend], footprintOf(running))
    chosen.set(size, found)
    return found
  }
}

/** What a checkpoint takes here, by its header: a guided picture under an LLLite, and a training step by blocks. */
export async function needOf(file: WeightFile, side: number, running: RunningBackend): Promise<MemoryNeed> {
  const footprint = footprintOf(running)
  const picture = { width: side, height: side }
  const vaeSlices = await createSlices(running, inferVaeConfig(vaeOf(file)))(picture)
  const task = { ...picture, lllite: LLLITE, vaeSlices } as const
  const generate = await planMemory(file, { kind: "generate", ...task }, footprint)
  const train = await planMemory(file, { kind: "train", ...task }, footprint)
  return {
    ...{ side, weightBytes: generate.weightBytes, generateBytes: generate.peakBytes, trainBytes: train.peakBytes },
    tensorBytes: Math.max(generate.largestTensorBytes, largestWeight(file, footprint)),
  }
}

function largestWeight({ entries }: WeightFile, { weightBytes }: Footprint): number {
  let largest = 0
  for (const { dtype, shape } of entries.values()) {
    // CLIP's tables of tokens stay off the device.
    if (shape[0] === VOCABULARY) continue
    largest = Math.max(
      largest,
      shape.reduce((product, size) => product * size, weightBytes(dtype)),
    )
  }
  return largest
}

/**
 * Refuses a checkpoint that a backend cannot hold, before any of it is loaded. How much memory a graphics card has is
 * not told to pages; what it takes as one tensor is.
 *
 * @throws CoreError with what is needed, what there is, and the way out
 */
export function expectRoom(
  label: string,
  need: MemoryNeed,
  { backend, ops }: Pick<RunningBackend, "backend" | "ops">,
): void {
  const { side, weightBytes, generateBytes, tensorBytes } = need
  if (backend === "wasm" && generateBytes > WASM_BYTES) {
    throw new CoreError(
      `"${label}": a picture of ${side} px takes ${gibibytes(generateBytes)}, weights in float32 (${gibibytes(weightBytes)}) ` +
        "included, and WebAssembly can address 4 GiB. It needs WebGPU: take a browser that has it, on a machine with a " +
        "graphics card.",
    )
  }
  if (ops.maxTensorBytes !== undefined && tensorBytes > ops.maxTensorBytes) {
    throw new CoreError(
      `"${label}": a guided picture of ${side} px has a tensor of ${gibibytes(tensorBytes)}, and this graphics card binds ` +
        `${gibibytes(ops.maxTensorBytes)} at once. Plan for a smaller \`side\`, or take another card.`,
    )
  }
}

function gibibytes(bytes: number): string {
  const value = bytes / 2 ** 30
  return value < 1 ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${value.toFixed(1)} GiB`
}
