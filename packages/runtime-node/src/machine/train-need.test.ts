import { measureSpeed } from "@lllite/core/memory"
import { describe, expect, it } from "vitest"
import { startBackend } from "../backends/start.ts"
import { TINY } from "../files/open-sdxl.ts"

import { planTrain, type TrainNeedTask } from "./train-need.ts"

const task: TrainNeedTask = {
  ...{ rows: 1, width: 128, height: 128, checkpointing: true },
  lllite: { condDim: 32, mlpDim: 64 },
}

describe("the need of a training", () => {
  it("is planned with the weights of every thread, and grows with rows and without checkpointing", async () => {
    const plan = (more: Partial<TrainNeedTask>): ReturnType<typeof planTrain> =>
      planTrain({ checkpoint: TINY }, { backend: "wasm", threads: 2 }, { ...task, ...more })
    const [small, rows, whole] = [await plan({}), await plan({ rows: 4 }), await plan({ checkpointing: false })]
    expect(small).toMatchObject({ backend: "wasm", threads: 2 })
    // The tiny model has 8.3 million values, of 4 bytes in each thread.
    expect(small.weightBytes / 2 ** 20).toBeGreaterThan(60)
    expect(small.weightBytes / 2 ** 20).toBeLessThan(70)
    expect(small.phases.map(({ name }) => name)).toEqual(["text", "VAE", "training step"])
    const stepOf = ({ phases }: typeof small): number => phases[2]?.bytes ?? 0
    expect(stepOf(small)).toBeGreaterThan(small.weightBytes)
    expect(stepOf(rows)).toBeGreaterThan(stepOf(small))
    expect(stepOf(whole)).toBeGreaterThan(stepOf(small))
    for (const seconds of Object.values(small.seconds)) expect(seconds).toBeGreaterThan(0)
  })

  it("takes longer for more work", async () => {
    const { ops } = await startBackend("wasm")
    const speed = await measureSpeed(ops)
    const product = { calls: 1, flops: speed.flops, bytes: 0 }
    expect(speed.seconds(new Map([["linear", product]]))).toBeCloseTo(1 + speed.call, 6)
    expect(speed.seconds(new Map([["silu", { ...product, bytes: 2 * speed.bytes }]]))).toBeCloseTo(2 + speed.call, 6)
    const read = { calls: 0, flops: 0, bytes: speed.weightBytes }
    expect(speed.seconds(new Map([["conv2d", read]]))).toBeCloseTo(1, 6)
    expect(speed.seconds(new Map([["elementwise", { ...read, bytes: speed.plainBytes }]]))).toBeCloseTo(1, 6)
    expect(speed.seconds(new Map())).toBe(0)
  })

  it("is measured with weights of 16 bits, too", async () => {
    const { ops } = await startBackend("wasm")
    expect((await measureSpeed(ops, "BF16")).weightBytes).toBeGreaterThan(0)
  })

  it("stops before its next part", async () => {
    const stop = new AbortController()
    const plan = planTrain({ checkpoint: TINY }, { backend: "wasm" }, task, stop.signal)
    stop.abort(new Error("stopped"))
    await expect(plan).rejects.toThrow("stopped")
  })

  it("is refused without rows", async () => {
    const { rows: _, ...rest } = task
    const place = { backend: "wasm" } as const
    await expect(planTrain({ checkpoint: TINY }, place, rest as TrainNeedTask)).rejects.toThrow(
      "planTrain: rows is missing, expected a number",
    )
  })

  it("is refused for a checkpoint that is not there", async () => {
    await expect(planTrain({ checkpoint: "/no/such.safetensors" }, { backend: "wasm" }, task)).rejects.toThrow(
      /no such/i,
    )
  })
})
