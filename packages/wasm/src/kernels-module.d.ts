/** The compiled kernels, made by build/plugins.ts. */
declare module "lllite-wasm:kernels" {
  const base64: string
  export default base64
}
