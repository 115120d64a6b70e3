/** Bytes of the tiny SDXL's file. The build puts them here. */
declare const TINY_BYTES: number
/** SHA-256 of the file of the built-in model. */
declare const TINY_SHA256: string

declare module "@lllite/tiny/*.safetensors?url" {
  const url: string
  export default url
}
