import { Worker } from "node:worker_threads"
import { describe, expect, it } from "vitest"
import { needs } from "../../packages/format/test/needs.ts"
import { effort, onlyWaited } from "./effort.mjs"

const at = (clock: number, computing: number, isReady = false) => ({ clock, computing, isReady })

describe("a process", () => {
  it("only waits where it computes next to nothing, and no thread could", () => {
    expect(onlyWaited(at(10, 3), at(10.5, 3.001))).toBe(true)
    expect(onlyWaited(at(10, 3), at(10.5, 3.1))).toBe(false)
    // A busy machine lets it compute for a thousandth of the time.
    expect(onlyWaited(at(10, 3), at(20, 3.01, true))).toBe(false)
    expect(onlyWaited(at(10, 3), at(20, 3.01))).toBe(true)
  })

  const needsLinux = needs("Linux, which alone says what threads do", process.platform === "linux")

  it("has a thread that could compute while one does", needsLinux, async () => {
    const shared = new Int32Array(new SharedArrayBuffer(8))
    const loop = "const { workerData: w } = require('node:worker_threads'); w[0] = 1; while (Atomics.load(w, 1) === 0);"
    const worker = new Worker(loop, { eval: true, workerData: shared })
    const ended = new Promise((resolve) => worker.once("exit", resolve))
    while (Atomics.load(shared, 0) === 0) await new Promise((next) => setTimeout(next, 5))
    expect(effort().isReady).toBe(true)
    Atomics.store(shared, 1, 1)
    await ended
  })
})
