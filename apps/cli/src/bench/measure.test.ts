import { describe, expect, it } from "vitest"
import { measureBackend } from "./measure.ts"

const wasm = { choice: { backend: "wasm" }, onTask: () => undefined } as const
const never = new AbortController().signal

describe("measuring a backend", () => {
  it("times pictures and training steps, and says why there is no SDXL", async () => {
    const tasks: string[] = []
    const found = await measureBackend(
      { ...wasm, sizes: [512], seconds: 3600, onTask: (text) => tasks.push(text) },
      never,
    )
    expect(found).toMatchObject({ backend: "wasm", device: "CPU", precision: "F32", weights: "F32", problem: null })
    const [tiny, sdxl] = found.models
    expect(tiny).toMatchObject({ model: "tiny", side: 128, problems: [] })
    for (const figures of [tiny?.picture, tiny?.training]) {
      expect(figures?.step).toBeGreaterThan(0)
      expect(figures?.plannedBytes).toBeGreaterThan(2 ** 20)
      expect(figures?.measuredBytes).toBeGreaterThan(2 ** 20)
    }
    expect(tiny?.picture?.rest).toBeGreaterThan(0)
    expect(sdxl).toMatchObject({ model: "SDXL", side: 512, picture: null, training: null })
    expect(sdxl?.problems.join()).toMatch(/wasm can address only 4\.0 GiB/)
    expect(tasks).toEqual(["tiny: load", "tiny, 128 px: picture", "tiny, 128 px: training", "SDXL: load"])
  })

  it("names what time did not reach", async () => {
    const found = await measureBackend({ ...wasm, sizes: [], seconds: 0.001 }, never)
    expect(found.models).toEqual([])
    expect(found.problem).toMatch(/no time left\. --minutes gives more/)
  })

  it("stops with the signal's reason", async () => {
    const reason = new Error("enough")
    const controller = new AbortController()
    const onTask = (text: string): void => {
      if (text.endsWith("picture")) controller.abort(reason)
    }
    await expect(measureBackend({ ...wasm, sizes: [], seconds: 3600, onTask }, controller.signal)).rejects.toBe(reason)
  })
})
