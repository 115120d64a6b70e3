import { CoreError } from "@lllite/core"
import { WASM_BYTES } from "@lllite/core/memory"
import type { WeightFile } from "@lllite/core/models"
import { footprintOf, type ModelPlace } from "./footprint.ts"

/** Where a checkpoint is to be loaded. */
export interface CheckpointPlace extends ModelPlace {
  readonly device: "CPU" | "GPU"
  /** Threads, each of which holds a copy of the model. */
  readonly threads: number
}

/** Bytes that a checkpoint's weights need in one thread of a backend. */
export function weightBytes({ entries }: WeightFile, place: CheckpointPlace): number {
  const footprint = footprintOf(place)
  let bytes = 0
  for (const { dtype, shape } of entries.values()) {
    bytes += shape.reduce((product, size) => product * size, footprint.weightBytes(dtype))
  }
  return bytes
}

/**
 * Refuses a checkpoint whose weights do not fit into memory, before any of them is loaded. The memory of a GPU is not
 * known here. The GPU's own errors report it.
 *
 * @param available bytes of free memory
 * @throws CoreError with the memory that is needed, the memory that is free, and advice
 */
export function expectRoom(file: WeightFile, place: CheckpointPlace, available = process.availableMemory()): void {
  if (place.device === "GPU") return
  const { backend, threads, weights } = place
  const each = weightBytes(file, place)
  const needed = threads * each
  const isOverHeap = backend === "wasm" && each > WASM_BYTES
  if (needed <= available && !isOverHeap) return
  const copies = threads === 1 ? "" : ` in ${threads} threads`
  const limit = isOverHeap ? `wasm can address only ${gibibytes(WASM_BYTES)}` : `${gibibytes(available)} is free`
  const rounded = weightBytes(file, { ...place, backend: "tensorflow", weights: "F16" })
  const advice =
    backend !== "tensorflow"
      ? `On tensorflow they need ${gibibytes(rounded)} in 16 bits. Choose the backend "tensorflow" and the weights "F16".`
      : weights === "file" && rounded < each
        ? `Rounded to 16 bits they need ${gibibytes(rounded)}. Choose the weights "F16".`
        : "Close other programs, or use a machine with more memory."
  throw new CoreError(
    "no-room",
    `"${file.label}": its weights need ${gibibytes(needed)} on ${backend}${copies}, and ${limit}. ${advice}`,
  )
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
