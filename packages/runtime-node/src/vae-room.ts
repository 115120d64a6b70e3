import { gpuVaeBytes, WASM_VAE_BYTES } from "@lllite/core/memory"
import type { VaePicture } from "@lllite/core/models"
import type { NodeBackend } from "./backends/names.ts"

/** The backend and device that run a VAE. */
export interface VaePlace {
  readonly backend: NodeBackend
  readonly device: "CPU" | "GPU"
  /** Threads, each of which may run a VAE at the same time. */
  readonly threads: number
}

/** The part of the free memory that pictures may use. The rest is for other programs and the next step. */
const SHARE = 0.75

/**
 * Bytes that the VAE may use for a picture of this size now. A picture that needs more is cut into slices.
 *
 * @param available bytes of free memory
 */
export function vaeRoom(
  { backend, device, threads }: VaePlace,
  picture: VaePicture,
  available = process.availableMemory(),
): number {
  if (device === "GPU") return gpuVaeBytes(picture)
  const share = (SHARE * available) / threads
  return backend === "wasm" ? Math.min(WASM_VAE_BYTES, share) : share
}
