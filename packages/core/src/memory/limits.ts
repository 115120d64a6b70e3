/** Bytes that a WebAssembly heap can address. */
export const WASM_BYTES = 2 ** 32

/** Bytes of a WebAssembly heap that the VAE may use for a picture. The weights take their part of the heap, too. */
export const WASM_VAE_BYTES = WASM_BYTES / 2

/**
 * Bytes of a graphics card that the VAE may use for a picture. A program cannot ask how much memory a card has free.
 * With this much, SDXL in 16 bits stays within 10 GiB.
 */
export const GPU_VAE_BYTES = 3 * 2 ** 30
