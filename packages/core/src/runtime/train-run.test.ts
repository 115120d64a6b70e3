import { describe, expect, it, vi } from "vitest"
import type { Client } from "../channel/client.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"
import { trainWith } from "./train-run.ts"

describe("trainWith", () => {
  it("refuses a wrong option before it reads an example", async () => {
    const example = vi.fn()
    const client: Client<RuntimeTasks<RuntimeTypes>> = {
      open: vi.fn(),
      call: vi.fn(async () => {}) as never,
      fail: vi.fn(),
    }
    const options = { steps: 1, batchSize: -1, seed: 1, learningRate: 1e-4, sites: [], condDim: 1, mlpDim: 1 }
    const run = trainWith([client], { model: 1, run: 1 }, { count: 1, example }, options)
    await expect(run.next()).rejects.toThrow(/batchSize/)
    expect(example).not.toHaveBeenCalled()
  })
})
