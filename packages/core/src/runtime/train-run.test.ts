import { describe, expect, it, vi } from "vitest"
import type { Client } from "../channel/client.ts"
import type { TrainRunEvent } from "./contract.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"
import { trainWith } from "./train-run.ts"

const SIZE = { original: [32, 32], crop: [0, 0], target: [32, 32] } as const

/** Steps of a run that ends with its state at an abort. */
async function* steps(signal: AbortSignal | undefined): AsyncGenerator<unknown, unknown, void> {
  let step = 0
  while (signal?.aborted !== true) yield { kind: "step", step: ++step }
  return { step }
}

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

  it("says what a worker says of a step before that step", async () => {
    const row = { width: 32, height: 32, data: new Uint8Array(3 * 32 * 32) }
    const dataset = {
      ...{ count: 1, sizes: [{ width: 32, height: 32 }], augmentation: () => ({ flips: false, varies: true }) },
      example: async () => ({ name: "a", image: row, control: row, caption: "", size: SIZE }),
    }
    async function* twoSteps(): AsyncGenerator<unknown, unknown, void> {
      yield { kind: "step", step: 1, notice: "slopes were large" }
      yield { kind: "step", step: 2 }
      return { step: 2 }
    }
    const client: Client<RuntimeTasks<RuntimeTypes>> = {
      open: vi.fn(() => twoSteps()) as never,
      call: vi.fn(async () => {}) as never,
      fail: vi.fn(),
    }
    const options = { steps: 2, batchSize: 1, seed: 1, learningRate: 1e-4, sites: [], condDim: 2, mlpDim: 2 }
    const events: TrainRunEvent[] = []
    for await (const event of trainWith([client], { model: 1, run: 1 }, dataset, options)) events.push(event)
    expect(events.filter(({ kind }) => kind !== "cache")).toEqual([
      { kind: "notice", about: "gradients", text: "slopes were large" },
      { kind: "step", step: 1 },
      { kind: "step", step: 2 },
    ])
  })

  it("gives the state of the last step to a caller that stops at an example that cannot be read", async () => {
    const stop = new AbortController()
    const gone = new Error("the picture is gone")
    const row = { width: 32, height: 32, data: new Uint8Array(3 * 32 * 32) }
    let reads = 0
    const dataset = (stops: boolean) => ({
      ...{ count: 1, sizes: [{ width: 32, height: 32 }], augmentation: () => ({ flips: false, varies: true }) },
      example: async () => {
        reads += 1
        if (reads < 3) return { name: "a", image: row, control: row, caption: "", size: SIZE }
        // The run waits for this reading, as the step before is done.
        await new Promise((resolve) => setTimeout(resolve, 20))
        if (stops) stop.abort(gone)
        throw gone
      },
    })
    const client: Client<RuntimeTasks<RuntimeTypes>> = {
      open: vi.fn((_name: string, _input: unknown, { signal }: { readonly signal?: AbortSignal }) =>
        steps(signal),
      ) as never,
      call: vi.fn(async () => {}) as never,
      fail: vi.fn(),
    }
    const options = { steps: 9, batchSize: 1, seed: 1, learningRate: 1e-4, sites: [], condDim: 2, mlpDim: 2 }
    const end = async (stops: boolean): Promise<unknown> => {
      reads = 0
      const run = trainWith([client], { model: 1, run: 1 }, dataset(stops), { ...options, signal: stop.signal })
      for (;;) {
        const next = await run.next()
        if (next.done === true) return next.value
      }
    }
    await expect(end(false)).rejects.toBe(gone)
    expect(await end(true)).toMatchObject({ step: expect.any(Number) })
    expect(stop.signal.aborted).toBe(true)
  })
})
