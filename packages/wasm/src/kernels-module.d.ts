/** The compiled kernels, made by build/plugins.ts. */
declare module "lllite-wasm:kernels" {
  /** Base64 of the build for every WebAssembly with SIMD. */
  export const simd: string
  /** Base64 of the build for engines with relaxed SIMD, which adds products with one rounding. */
  export const relaxedSimd: string
}
