import type { BackendReport, MachineReport } from "@lllite/runtime-node/machine"
import { expect, it } from "vitest"
import { formatMachine } from "./doctor.ts"

const GIB = 2 ** 30
const absent = { version: null, device: null, seconds: null, source: null, problems: [] }
const wasm: BackendReport = {
  ...{ name: "wasm", found: true, works: true, version: "tfjs 4.22.0", device: "CPU" },
  ...{ seconds: 1.5, source: "bundled", problems: [] },
}
const report: MachineReport = {
  node: { version: "24.21.0", isSupported: true },
  system: { platform: "linux", arch: "x64", cpu: "Some CPU", cores: 1, nvidiaGpus: [] },
  memory: { totalBytes: 16 * GIB, availableBytes: 12 * GIB },
  backends: [{ name: "tensorflow", found: false, works: false, ...absent }, wasm],
  best: "wasm",
  models: [
    { model: "SDXL", backend: "wasm", weights: "32 bits", weightBytes: 12.9 * GIB, roomBytes: 4 * GIB, fits: false },
    { model: "tiny", backend: "wasm", weights: "32 bits", weightBytes: 30 * 2 ** 20, roomBytes: 4 * GIB, fits: true },
  ],
  advice: [{ type: "lllite setup tensorflow", brings: "TensorFlow on the CPU" }],
}

it("says in plain words what there is, what fits and what to type", () => {
  expect(formatMachine(report)).toBe(`Node    24.21.0, linux x64
CPU     Some CPU, 1 core
Memory  16.0 GiB, of which 12.0 GiB can be had now

Backends (each was started, and computed a known value and a known gradient)
  tensorflow  not installed.
  wasm        works: tfjs 4.22.0 on the CPU, ready after 1.5 s.
  Used unless --backend names another: wasm.

Models
  SDXL on wasm  does not fit: weights of 32 bits take 12.9 GiB, 4.0 GiB of room.
  tiny on wasm  fits: weights of 32 bits take 30 MiB, 4.0 GiB of room.

To get more, type
  lllite setup tensorflow  TensorFlow on the CPU`)
})

it("says what is wrong with what is there and does not work", () => {
  const problems = ["@tensorflow/tfjs-node: its native addon is missing."]
  const broken: BackendReport = { name: "tensorflow", found: true, works: false, ...absent, problems }
  expect(formatMachine({ ...report, backends: [broken], best: null })).toContain(
    "  tensorflow  does not work. @tensorflow/tfjs-node: its native addon is missing.\n  None works",
  )
})
