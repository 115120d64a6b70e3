declare module "@lllite/tiny/*.safetensors?url" {
  const url: string
  export default url
}
