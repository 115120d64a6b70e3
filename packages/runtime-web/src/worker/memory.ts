import { CoreError } from "@lllite/core"
import type { Footprint } from "@lllite/core/memory"
import { chooseVaeParts, gpuVaeBytes, planMemory, WASM_BYTES, WASM_VAE_BYTES } from "@lllite/core/memory"
import type { VaeConfig, VaePicture, WeightFile } from "@lllite/core/models"
import { inferVaeConfig, vaeOf } from "@lllite/core/models"
import type { MemoryNeed } from "../types.ts"
import type { WebRunningBackend } from "./backend.ts"

/** Number of CLIP's tokens. */
const VOCABULARY = 49_408

/** Usual widths of an LLLite. */
const LLLITE = { condDim: 32, mlpDim: 64 } as const

/** How a backend's ops use memory. */
export function footprintOf({ backend, ops }: Pick<WebRunningBackend, "backend" | "ops">): Footprint {
  if (backend === "wasm") return { weightBytes: () => 4, backwardCopies: true, filterTiles: true }
  const { maxTensorBytes, narrow } = ops
  const weightBytes: Footprint["weightBytes"] = (dtype) => (dtype === "F16" || dtype === "BF16" ? 2 : 4)
  return {
    ...{ weightBytes, pooled: true, stacks: true, halves: narrow !== undefined },
    ...(maxTensorBytes === undefined ? {} : { maxTensorBytes }),
  }
}

/** How the VAE takes a picture apart on this backend. */
export function vaePartsOf(
  running: Pick<WebRunningBackend, "backend" | "ops">,
  config: VaeConfig,
  { width, height }: VaePicture,
): ReturnType<typeof chooseVaeParts> {
  const picture = { width, height }
  const bytes = running.backend === "webgpu" ? gpuVaeBytes(picture) : WASM_VAE_BYTES
  return chooseVaeParts(config, picture, bytes, footprintOf(running))
}

/**
 * Plans the memory that a checkpoint needs on this backend, from its header alone. The tasks are a guided picture with
 * an LLLite, and a training step with gradient checkpointing.
 */
export async function needOf(file: WeightFile, side: number, running: WebRunningBackend): Promise<MemoryNeed> {
  const footprint = footprintOf(running)
  const picture = { width: side, height: side }
  const { vaeSlices } = await vaePartsOf(running, inferVaeConfig(vaeOf(file)), picture)
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
 * Refuses a checkpoint that a backend cannot hold, before any of it is loaded. A page cannot read the memory of a
 * graphics card, only the size of the largest tensor that it takes.
 *
 * @throws CoreError with the memory that is needed, the limit, and advice
 */
export function expectRoom(
  label: string,
  need: MemoryNeed,
  { backend, ops }: Pick<WebRunningBackend, "backend" | "ops">,
): void {
  const { side, weightBytes, generateBytes, tensorBytes } = need
  if (backend === "wasm" && generateBytes > WASM_BYTES) {
    throw new CoreError(
      "no-room",
      `"${label}": a picture of ${side} px needs ${gibibytes(generateBytes)}, weights in float32 (${gibibytes(weightBytes)}) ` +
        "included, and WebAssembly can address only 4 GiB. It needs WebGPU. Use a browser that has it, on a machine with " +
        "a graphics card.",
    )
  }
  if (ops.maxTensorBytes !== undefined && tensorBytes > ops.maxTensorBytes) {
    throw new CoreError(
      "no-room",
      `"${label}": a guided picture of ${side} px has a tensor of ${gibibytes(tensorBytes)}, and this graphics card takes at ` +
        `most ${gibibytes(ops.maxTensorBytes)}. Choose a smaller \`side\`, or use another card.`,
    )
  }
}

/** Bytes that a backend can hold. Null: the browser does not report them. */
export function roomOf({ backend }: Pick<WebRunningBackend, "backend">): number | null {
  return backend === "wasm" ? WASM_BYTES : null
}

function gibibytes(bytes: number): string {
  const value = bytes / 2 ** 30
  return value < 1 ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${value.toFixed(1)} GiB`
}
