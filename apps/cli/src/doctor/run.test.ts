import type { BackendReport, MachineReport } from "@lllite/runtime-node/machine"
import { expect, it } from "vitest"
import { formatMachine } from "./run.ts"

const GIB = 2 ** 30
const absent = { version: null, device: null, seconds: null, maxTensorBytes: null, source: null, problems: [] }
const wasm: BackendReport = {
  ...{ name: "wasm", found: true, works: true, version: "tfjs 4.22.0", device: "CPU" },
  ...{ seconds: 1.5, maxTensorBytes: null, source: "bundled", problems: [] },
}
const report: MachineReport = {
  node: { version: "24.21.0", isSupported: true },
  system: { platform: "linux", arch: "x64", cpu: "Some CPU", cores: 1, nvidiaGpus: [] },
  memory: { totalBytes: 16 * GIB, availableBytes: 12 * GIB },
  backends: [{ name: "tensorflow", found: false, works: false, ...absent }, wasm],
  best: "wasm",
  models: [
    {
      ...{ model: "SDXL", backend: "wasm", weights: "32 bits", weightBytes: 12.9 * GIB, side: 1024, fittingSide: 1024 },
      ...{ generate: { bytes: 15 * GIB, tensorBytes: GIB / 4 }, train: { bytes: 25 * GIB, tensorBytes: GIB / 4 } },
      ...{ roomBytes: 4 * GIB, maxTensorBytes: null, fits: { generate: false, train: false } },
    },
  ],
  advice: [{ type: "lllite setup tensorflow", brings: "TensorFlow on the CPU" }],
}

it("reports the backends, which models fit, and which commands add more", () => {
  expect(formatMachine(report)).toBe(`Node    24.21.0, linux x64
CPU     Some CPU, 1 core
Memory  16.0 GiB, 12.0 GiB of it available now

Backends (each was started and tested with a known value and a known gradient)
  tensorflow  not installed.
  wasm        works: tfjs 4.22.0 on the CPU, ready after 1.5 s.
  Default: wasm. --backend selects another.

Models
  SDXL on wasm  at 1024 px: generating takes 15.0 GiB (does not fit), training takes 25.0 GiB (does not fit). The weights in 32 bits take 12.9 GiB of it. 4.0 GiB available.

Commands that add more
  lllite setup tensorflow  TensorFlow on the CPU`)
})

it("names the problem of an installed backend that does not work", () => {
  const problems = ["@tensorflow/tfjs-node: its native addon is missing."]
  const broken: BackendReport = { name: "tensorflow", found: true, works: false, ...absent, problems }
  expect(formatMachine({ ...report, backends: [broken], best: null })).toContain(
    "  tensorflow  does not work. @tensorflow/tfjs-node: its native addon is missing.\n  No backend works",
  )
})

it("says which kernels run on a device, and why", () => {
  const paths = ["Kernels use float32 alone: the driver has no float16."]
  const card: BackendReport = { ...wasm, name: "webgpu", device: "GPU", paths }
  expect(formatMachine({ ...report, backends: [card] })).toContain(
    "works: tfjs 4.22.0 on the GPU, ready after 1.5 s. Kernels use float32 alone: the driver has no float16.\n",
  )
})

it("reports what a graphics card needs, and its largest tensor", () => {
  const card: MachineReport["models"][number] = {
    ...{ model: "SDXL", backend: "webgpu", weights: "16 bits", weightBytes: 6.3 * GIB, side: 1024, fittingSide: 768 },
    ...{ generate: { bytes: 9 * GIB, tensorBytes: GIB / 4 }, train: { bytes: 10.4 * GIB, tensorBytes: GIB / 16 } },
    ...{ roomBytes: null, maxTensorBytes: GIB / 8, fits: { generate: false, train: null } },
  }
  const text = formatMachine({ ...report, models: [card, { ...card, weights: "32 bits" }] })
  expect(text).toContain(
    "  SDXL in 16 bits on webgpu  at 1024 px: generating takes 9.0 GiB (does not fit), training takes 10.4 GiB. " +
      "The weights in 16 bits take 6.3 GiB of it. " +
      "WebGPU does not report the memory of the card. Compare it with these figures. " +
      "A guided picture at 1024 px has a tensor of 0.3 GiB. The largest tensor on this adapter is 0.1 GiB. " +
      "Use another adapter, or at most 768 px.",
  )
})
