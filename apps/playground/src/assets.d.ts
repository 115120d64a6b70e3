/** Bytes of the tiny SDXL's file. The build puts them here. */
declare const TINY_BYTES: number

declare module "@lllite/tiny/*.safetensors?url" {
  const url: string
  export default url
}
