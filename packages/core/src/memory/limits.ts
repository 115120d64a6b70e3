import { checkSides, type VaePicture } from "../models/vae/slice-sizes.ts"

/** Bytes that a WebAssembly heap can address. */
export const WASM_BYTES = 2 ** 32

/** Bytes of a WebAssembly heap that the VAE may use for a picture. The weights take their part of the heap, too. */
export const WASM_VAE_BYTES = WASM_BYTES / 2

/** The same on a graphics card, for pictures of up to 1024² pixels. */
const GPU_VAE_BYTES = 0.7 * 2 ** 30
/** The same for larger pictures, at most. */
const MOST_GPU_VAE_BYTES = 3 * 2 ** 30

/**
 * Bytes of a graphics card that the VAE may use for a picture. A program cannot ask how much memory a card has free. With this
 * much, SDXL in 16 bits stays within 7 GiB at 1024 px. A larger picture gets more in proportion, so that slices are enough for
 * it, up to 3 GiB.
 */
export function gpuVaeBytes(picture: VaePicture): number {
  checkSides("VAE", picture)
  const { height, width } = picture
  return Math.min(GPU_VAE_BYTES * Math.max(1, (height * width) / 2 ** 20), MOST_GPU_VAE_BYTES)
}
