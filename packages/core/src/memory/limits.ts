/** What a WebAssembly heap can address. */
export const WASM_BYTES = 2 ** 32

/** What the VAE may take of a WebAssembly heap for a picture: the weights are in it, too. */
export const WASM_VAE_BYTES = WASM_BYTES / 2

/**
 * What the VAE may take on a graphics card for a picture. How much a card has free cannot be asked; with this much,
 * SDXL in 16 bits stays within 10 GiB.
 */
export const GPU_VAE_BYTES = 3 * 2 ** 30
