import { expect, it } from "vitest"
import type { BackendFigures, BenchReport } from "./figures.ts"
import { benchText } from "./text.ts"

const GIB = 2 ** 30
const tensorflow: BackendFigures = {
  ...{ backend: "tensorflow", version: "TensorFlow 2.21.0", device: "CPU", precision: "BF16" },
  ...{ weights: "as in the file", problem: null },
  models: [
    {
      ...{ model: "SDXL", side: 512, problems: [] },
      picture: { step: 14.26, rest: 20, plannedBytes: 7 * GIB, measuredBytes: 7.4 * GIB },
      training: { step: 0.251, plannedBytes: 9 * GIB, measuredBytes: 8.8 * GIB },
    },
    {
      ...{ model: "SDXL", side: 1024, training: null, problems: ["No training: there was no time left."] },
      picture: { step: 50, rest: null, plannedBytes: 7 * GIB, measuredBytes: 7.4 * GIB },
    },
  ],
}
const webgpu: BackendFigures = {
  ...{ backend: "webgpu", version: null, device: null, precision: "F32", weights: "as in the file", models: [] },
  problem: "WebGPU found no adapter.",
}
const report: BenchReport = {
  ...{ version: "1.2.3", node: "24.21.0", system: "linux x64", cpu: "Some CPU", cores: 2 },
  ...{ totalBytes: 16 * GIB, availableBytes: 12 * GIB, backends: [webgpu, tensorflow] },
}

it("shows figures in a table, and what is missing below it", () => {
  expect(benchText(report)).toBe(`LLLite 1.2.3, Node 24.21.0, linux x64
Some CPU, 2 cores, 16.0 GiB, 12.0 GiB of it available

webgpu: did not start
  WebGPU found no adapter.

tensorflow: TensorFlow 2.21.0 on the CPU, products in BF16, weights as in the file
                 a step  a picture of 20 steps  its memory         a training step  its memory
  SDXL  512 px   14.3 s  305 s                  7.4 GiB (7.0 GiB)  0.25 s           8.8 GiB (9.0 GiB)
  SDXL  1024 px  50.0 s  -                      7.4 GiB (7.0 GiB)  -                -
  SDXL, 1024 px. No training: there was no time left.

Pictures are guided, with an LLLite on every usual site. SDXL has its real size and made-up weights.
Training steps have one pair and gradient checkpointing. Memory: measured, and planned in brackets.`)
})
