/** A backend, what it does, and what that was tested on. Change it when a test on another machine says more. */
export interface BackendSupport {
  readonly backend: string
  readonly task: string
  readonly tiny: string
  readonly sdxl: string
  readonly testedOn: string
}

const NO_ROOM = "no: the weights do not fit into WebAssembly's memory"
const NO_CARD = "not tested: no graphics card has run it"
const SOFTWARE = "software drivers: lavapipe, and SwiftShader"

/** What runs where. */
export const BACKENDS: readonly BackendSupport[] = [
  { backend: "wasm, Node", task: "generate", tiny: "yes", sdxl: NO_ROOM, testedOn: "Linux x64" },
  { backend: "wasm, Node", task: "train", tiny: "yes", sdxl: NO_ROOM, testedOn: "Linux x64" },
  {
    backend: "tensorflow, Node",
    task: "generate",
    tiny: "yes",
    sdxl: "yes",
    testedOn: "Linux x64, TensorFlow 2.21 on the CPU. Not on macOS, not on a graphics card",
  },
  {
    backend: "tensorflow, Node",
    task: "train",
    tiny: "yes",
    sdxl: "yes, measured at 256 and 512 px",
    testedOn: "Linux x64, TensorFlow 2.21 on the CPU. Not on macOS, not on a graphics card",
  },
  { backend: "webgpu, Node", task: "generate", tiny: "yes", sdxl: NO_CARD, testedOn: SOFTWARE },
  { backend: "webgpu, Node", task: "train", tiny: "yes", sdxl: NO_CARD, testedOn: SOFTWARE },
  {
    backend: "cpu, Node",
    task: "generate, train",
    tiny: "yes, slowly",
    sdxl: "no",
    testedOn: "Linux x64. For checking the others",
  },
  { backend: "wasm, browser", task: "generate, train", tiny: "yes", sdxl: NO_ROOM, testedOn: "Chromium on Linux" },
  {
    backend: "webgpu, browser",
    task: "generate, train",
    tiny: "yes",
    sdxl: NO_CARD,
    testedOn: "Chromium on Linux, with SwiftShader",
  },
]
