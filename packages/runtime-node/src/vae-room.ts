import { GPU_VAE_BYTES, WASM_VAE_BYTES } from "@lllite/core/memory"
import type { NodeBackend } from "./backends/names.ts"

/** Where a VAE runs. */
export interface VaePlace {
  readonly backend: NodeBackend
  readonly device: "CPU" | "GPU"
  /** Threads that may each run one at a time. */
  readonly threads: number
}

/** The part of the free memory that one picture may take: other programs and the next step want some, too. */
const SHARE = 0.75

/**
 * Bytes that the VAE may take for a picture here and now: pictures that need more are cut into slices.
 *
 * @param available bytes of memory that can be had
 */
export function vaeRoom({ backend, device, threads }: VaePlace, available = process.availableMemory()): number {
  if (device === "GPU") return GPU_VAE_BYTES
  const share = (SHARE * available) / threads
  return backend === "wasm" ? Math.min(WASM_VAE_BYTES, share) : share
}
