import { CoreError } from "@lllite/core"
import { WASM_BYTES } from "@lllite/core/memory"
import type { WeightFile } from "@lllite/core/models"
import { footprintOf, type ModelPlace } from "./footprint.ts"

/** Where a checkpoint is to be loaded. */
export interface CheckpointPlace extends ModelPlace {
  readonly device: "CPU" | "GPU"
  /** Threads that hold a model each. */
  readonly threads: number
}

/** Bytes that a checkpoint's weights take in one thread of a backend. */
export function weightBytes({ entries }: WeightFile, place: CheckpointPlace): number {
  const footprint = footprintOf(place)
  let bytes = 0
  for (const { dtype, shape } of entries.values()) {
    bytes += shape.reduce((product, size) => product * size, footprint.weightBytes(dtype))
  }
  return bytes
}

/**
 * Refuses a checkpoint whose weights have no room, before any of them is loaded. What a GPU has room for is not known
 * here; its own errors say it.
 *
 * @param available bytes of memory that can be had
 * @throws CoreError with what is needed, what is there, and the way out
 */
export function expectRoom(file: WeightFile, place: CheckpointPlace, available = process.availableMemory()): void {
  if (place.device === "GPU") return
  const { backend, threads, weights } = place
  const each = weightBytes(file, place)
  const needed = threads * each
  const isOverHeap = backend === "wasm" && each > WASM_BYTES
  if (needed <= available && !isOverHeap) return
  const copies = threads === 1 ? "" : ` in ${threads} threads`
  const there = isOverHeap ? `${gibibytes(WASM_BYTES)} is all that wasm can address` : `${gibibytes(available)} is free`
  const rounded = weightBytes(file, { ...place, backend: "tensorflow", weights: "float16" })
  const wayOut =
    backend !== "tensorflow"
      ? `On tensorflow they take ${gibibytes(rounded)} in 16 bits.`
      : weights === "file" && rounded < each
        ? `Rounded to 16 bits they take ${gibibytes(rounded)}.`
        : "Close other programs, or take a machine with more memory."
  throw new CoreError(
    `"${file.label}": its weights take ${gibibytes(needed)} on ${backend}${copies}, and ${there}. ${wayOut}`,
    { code: "no-room" },
  )
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
