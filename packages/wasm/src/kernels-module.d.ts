/** The compiled kernels, made by build/plugins.ts. */
declare module "lllite-wasm:kernels" {
  /** Base64 of the build that any WebAssembly with SIMD runs. */
  export const simd: string
  /** Base64 of the build for engines with relaxed SIMD, whose products are added in one rounding. */
  export const relaxedSimd: string
}
