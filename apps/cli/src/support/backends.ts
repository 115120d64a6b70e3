/** A backend with its tasks, and the machines that tested them. Change it after a test on another machine. */
export interface BackendSupport {
  readonly backend: string
  readonly task: string
  readonly tiny: string
  readonly sdxl: string
  readonly testedOn: string
}

const NO_ROOM = "no: the weights are larger than WebAssembly's memory"
const NO_CARD = "not tested: no graphics card has run it"
const SOFTWARE = "software drivers: lavapipe, and SwiftShader"

/** Which task runs on which backend. */
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
    testedOn: "Linux x64. Only for checks of the others",
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
