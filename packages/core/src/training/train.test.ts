import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { CoreError } from "../errors.ts"
import { createLllite } from "../models/lllite/model.ts"
import { createStream } from "../random/stream.ts"
import { createBatchOrder } from "./batches.ts"
import { DivergedError } from "./diverged-error.ts"
import { createLrSchedule } from "./learning-rate/schedule.ts"
import { normaliseConditioners } from "./normalise-conditioners.ts"
import type { Optimizer, OptimizerState } from "./optimizers/optimizer.ts"
import { type GradientSource, type TrainMachine, train } from "./train.ts"
import type { TrainOptions } from "./train-options.ts"
import { createTrainState, type TrainState } from "./train-state.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const SITES = enumerateSites(LAYOUT).slice(0, 2)
const EXAMPLES = Array.from({ length: 3 }, () => ({ width: 64, height: 64 }))
const OPTIONS: TrainOptions = { steps: 5, batchSize: 2, seed: 1, learningRate: 0.1 }

/** Moves every value towards the number of the example. This needs no network. */
const gradients: GradientSource = async ({ values }, tasks) =>
  tasks.map(({ examples }) => {
    const target = examples.reduce((sum, index) => sum + index, 0) / examples.length
    return { loss: (values[0] ?? 0) - target, gradients: values.map((value) => value - target) }
  })

const begin = (): TrainState => createTrainState(SITES, { condDim: 2, mlpDim: 2 }, 1)

async function run(
  state: TrainState,
  changes: Partial<TrainOptions> = {},
  machine: TrainMachine = { gradients },
): Promise<TrainState> {
  const steps = train(state, EXAMPLES, machine, { ...OPTIONS, ...changes })
  for (;;) {
    const next = await steps.next()
    if (next.done === true) return next.value
  }
}

/** The error of a run that diverges. */
async function failure(work: Promise<unknown>): Promise<DivergedError> {
  const error: unknown = await work.catch((error: unknown) => error)
  if (error instanceof DivergedError) return error
  throw error
}

/** Asynchronous gradient descent with momentum, as if it ran in another thread. */
const SGD = {
  init: (length: number): OptimizerState => ({ name: "sgd", step: 0, tensors: { velocity: new Float32Array(length) } }),
  load(values: Float32Array, state: OptimizerState, { momentum }: { readonly momentum: number }): Optimizer {
    const velocity = state.tensors.velocity as Float32Array
    let { step } = state
    return {
      async step(gradients, learningRate) {
        await new Promise((resolve) => setTimeout(resolve))
        step += 1
        for (let i = 0; i < values.length; i++) {
          velocity[i] = momentum * (velocity[i] ?? 0) + (gradients[i] ?? 0)
          values[i] = (values[i] ?? 0) - learningRate * (velocity[i] ?? 0)
        }
      },
      save: async () => ({ name: "sgd", step, tensors: { velocity } }),
      dispose() {},
    }
  },
}

describe("a caller's optimiser", () => {
  const machine: TrainMachine = {
    gradients,
    loadOptimizer: (values, state) => SGD.load(values, state, { momentum: 0.5 }),
  }
  const beginWithSgd = (): TrainState => {
    const state = begin()
    return { ...state, optimizer: SGD.init(state.model.values.length) }
  }

  it("trains through the same loop", async () => {
    const { model, optimizer, step } = await run(beginWithSgd(), { steps: 2, batchSize: 3, maxGradNorm: 0 }, machine)
    expect(step).toBe(2)
    expect(optimizer).toMatchObject({ name: "sgd", step: 2 })
    // Every batch is the whole data set, whose mean is 1.
    const expected = begin().model.values.map((value) => {
      const first = value - 1
      const then = value - 0.1 * first
      return then - 0.1 * (0.5 * first + (then - 1))
    })
    for (const [i, value] of model.values.entries()) expect(value).toBeCloseTo(expected[i] as number, 5)
  })

  it("adds its average to the state, if it has one, also in the state of a step", async () => {
    const averaging: TrainMachine = {
      gradients,
      loadOptimizer: (values, state) => ({
        ...SGD.load(values, state, { momentum: 0.5 }),
        average: async () => values.map((value) => 2 * value),
      }),
    }
    const { model, average } = await run(beginWithSgd(), {}, averaging)
    expect(average).toEqual(model.values.map((value) => 2 * value))
    expect(await run(beginWithSgd(), {}, machine)).not.toHaveProperty("average")
    for await (const { state } of train(beginWithSgd(), EXAMPLES, averaging, { ...OPTIONS, steps: 1 })) {
      const now = await state()
      expect(now.average).toEqual(now.model.values.map((value) => 2 * value))
    }
  })

  it("continues bit for bit", async () => {
    const whole = await run(beginWithSgd(), {}, machine)
    const half = structuredClone(await run(beginWithSgd(), { steps: 2 }, machine))
    expect(await run(half, {}, machine)).toEqual(whole)
  })

  it("is disposed at every kind of end of the run", async () => {
    const ends: string[] = []
    const counting = (name: string): TrainMachine => ({
      gradients,
      loadOptimizer: (...args) => {
        const optimizer = SGD.load(args[0], args[1], { momentum: 0 })
        return { ...optimizer, dispose: () => void ends.push(name) }
      },
    })
    await run(beginWithSgd(), {}, counting("done"))
    for await (const _ of train(beginWithSgd(), EXAMPLES, counting("left"), OPTIONS)) break
    const failing = { ...counting("failed"), gradients: () => Promise.reject(new Error("no device")) }
    await expect(run(beginWithSgd(), {}, failing)).rejects.toThrow("no device")
    expect(ends).toEqual(["done", "left", "failed"])
  })
})

describe("the state of a new run", () => {
  it("is the LLLite of the seed's own stream, or one whose conditioners are normalised over controls", () => {
    const plain = createLllite(SITES, { condDim: 2, mlpDim: 2 }, createStream(1, "init"))
    expect(begin()).toMatchObject({ step: 0, model: plain })
    const data = Uint8Array.from({ length: 64 * 96 * 3 }, (_, i) => (i * i) % 256)
    const controls = [{ width: 96, height: 64, data }]
    const { model } = createTrainState(SITES, { condDim: 2, mlpDim: 2 }, 1, { controls })
    normaliseConditioners(plain, controls)
    expect(model.values).toEqual(plain.values)
    expect(model.values).not.toEqual(begin().model.values)
  })

  it.each([
    [{ condDim: 0, mlpDim: 2 }, 1, "training: condDim is 0"],
    [{ condDim: 2, mlpDim: 2.5 }, 1, "training: mlpDim is 2.5"],
    [{ condDim: 2, mlpDim: 2 }, -1, "training: seed is -1"],
  ])("is refused for %j and seed %d", (dims, seed, message) => {
    expect(() => createTrainState(SITES, dims, seed)).toThrow(message)
  })
})

describe("a step", () => {
  const PART_OPTIONS: Partial<TrainOptions> = { steps: 1, batchSize: 3, shards: 2 }

  it("takes its batch from the order of the seed's own stream", async () => {
    const taken: unknown[] = []
    const watching: GradientSource = async (model, tasks) => {
      taken.push(tasks.flatMap(({ examples }) => examples))
      return gradients(model, tasks)
    }
    await run(begin(), { shards: 2 }, { gradients: watching })
    const batchOf = createBatchOrder(EXAMPLES, OPTIONS.batchSize, createStream(OPTIONS.seed, "order"))
    expect(taken).toEqual([0, 1, 2, 3, 4].map(batchOf))
  })

  it("is not begun after an abort", async () => {
    let begun = 0
    const counting: GradientSource = (model, tasks) => {
      begun += 1
      return gradients(model, tasks)
    }
    expect(await run(begin(), { signal: AbortSignal.abort() }, { gradients: counting })).toEqual(begin())
    expect(begun).toBe(0)
  })

  it("is cut into parts that hold its rows in order, each with the row of its first", async () => {
    const seen: unknown[] = []
    const watching: GradientSource = async (model, tasks) => {
      seen.push(tasks.map(({ step, firstRow, examples }) => [step, firstRow, examples.length]))
      expect(new Set(tasks.flatMap(({ examples }) => examples))).toEqual(new Set([0, 1, 2]))
      return gradients(model, tasks)
    }
    await run(begin(), { ...PART_OPTIONS, steps: 2 }, { gradients: watching })
    await run(begin(), { ...PART_OPTIONS, shards: 7 }, { gradients: watching })
    expect(seen).toEqual([
      [
        [0, 0, 2],
        [0, 2, 1],
      ],
      [
        [1, 0, 2],
        [1, 2, 1],
      ],
      [
        [0, 0, 1],
        [0, 1, 1],
        [0, 2, 1],
      ],
    ])
  })

  it("weighs a part by its rows, in the loss and in the gradients", async () => {
    const uneven: GradientSource = async ({ values }, tasks) =>
      tasks.map(({ firstRow }) => ({ loss: firstRow === 0 ? 3 : 9, gradients: values.map(() => firstRow + 1) }))
    const steps = train(begin(), EXAMPLES, { gradients: uneven }, { ...OPTIONS, ...PART_OPTIONS })
    const { value } = await steps.next()
    const length = begin().model.values.length
    // Two rows of 3 and one of 9; two rows of 1 and one of 3.
    expect(value).toMatchObject({ step: 1, steps: 1, loss: (2 * 3 + 9) / 3 })
    expect(value && "gradientNorm" in value && value.gradientNorm).toBeCloseTo(((2 + 3) / 3) * Math.sqrt(length), 3)
    await steps.return(begin())
  })

  it("tells and takes the learning rate of its own number", async () => {
    const taken: number[] = []
    const machine: TrainMachine = {
      gradients,
      loadOptimizer: (values, state) => {
        const optimizer = SGD.load(values, state, { momentum: 0 })
        return {
          ...optimizer,
          step: async (slopes, rate) => {
            taken.push(rate)
            await optimizer.step(slopes, rate)
          },
        }
      },
    }
    const told: number[] = []
    const state = { ...begin(), optimizer: SGD.init(begin().model.values.length) }
    const lr = { curve: "linear", warmupSteps: 2 } as const
    for await (const event of train(state, EXAMPLES, machine, { ...OPTIONS, lr })) told.push(event.learningRate)
    const rate = createLrSchedule({ ...lr, learningRate: OPTIONS.learningRate, totalSteps: OPTIONS.steps })
    expect(told).toEqual([0, 1, 2, 3, 4].map(rate))
    expect(taken).toEqual(told)
    expect(new Set(told).size).toBeGreaterThan(3)
  })

  it("takes the mean of several batches as one update", async () => {
    // Three examples of one size make the batches of one example the whole data set, in any order.
    const one = await run(begin(), { steps: 2, batchSize: 3 })
    const several = await run(begin(), { steps: 2, batchSize: 1, accumulation: 3 })
    for (const [i, value] of several.model.values.entries()) expect(value).toBeCloseTo(one.model.values[i] as number, 5)
    expect(several.step).toBe(2)
    // A step at the end of an epoch takes what is left.
    const seen: (readonly [step: number, examples: number])[] = []
    const watching: GradientSource = async (model, tasks) => {
      for (const { step, examples } of tasks) seen.push([step, examples.length])
      return gradients(model, tasks)
    }
    await run(begin(), { steps: 4, batchSize: 1, accumulation: 2 }, { gradients: watching })
    expect(seen.map(([step]) => step)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it("computes as many batches of a step together as there are places, with the same result", async () => {
    const seen: string[] = []
    const watching: GradientSource = async (model, tasks) => {
      seen.push(tasks.map(({ step }) => step).join())
      return gradients(model, tasks)
    }
    const options = { steps: 1, batchSize: 1, accumulation: 3 }
    const alone = await run(begin(), options)
    for (const places of [1, 2, 4]) {
      const state = await run(begin(), options, { gradients: watching, places: async () => places })
      expect(state.model.values).toEqual(alone.model.values)
    }
    expect(seen).toEqual(["0", "1", "2", "0,1", "2", "0,1,2"])
  })

  it("leaves a step out that was aborted between its batches", async () => {
    const controller = new AbortController()
    const stopping: GradientSource = async (model, tasks) => {
      if (tasks[0]?.step === 3) controller.abort()
      return gradients(model, tasks)
    }
    const { signal } = controller
    const stopped = await run(begin(), { batchSize: 1, accumulation: 2, signal }, { gradients: stopping })
    expect(stopped.step).toBe(2)
  })

  it("clips its gradient to the norm that is given, to 1 without one, and not at all with 0", async () => {
    const moved = async (changes: Partial<TrainOptions>): Promise<number> => {
      const start = begin()
      const state = { ...start, optimizer: SGD.init(start.model.values.length) }
      const steep: GradientSource = async ({ values }, tasks) =>
        tasks.map(() => ({ loss: 0, gradients: values.map(() => 5) }))
      const machine: TrainMachine = {
        gradients: steep,
        loadOptimizer: (values, state) => SGD.load(values, state, { momentum: 0 }),
      }
      const before = start.model.values.slice()
      const { model } = await run(state, { steps: 1, learningRate: 1, ...changes }, machine)
      return Math.hypot(...model.values.map((value, i) => value - (before[i] ?? Number.NaN)))
    }
    const whole = 5 * Math.sqrt(begin().model.values.length)
    expect(await moved({ maxGradNorm: 0 })).toBeCloseTo(whole, 2)
    expect(await moved({ maxGradNorm: 2 })).toBeCloseTo(2, 3)
    expect(await moved({})).toBeCloseTo(1, 3)
  })
})

describe("a run", () => {
  it("that is aborted inside a step ends as it was after the step before", async () => {
    const controller = new AbortController()
    const stopping: GradientSource = async (model, tasks) => {
      if (tasks[0]?.step !== 2) return gradients(model, tasks)
      controller.abort()
      controller.signal.throwIfAborted()
      return []
    }
    const { signal } = controller
    const stopped = await run(begin(), { signal }, { gradients: stopping })
    expect(stopped).toEqual(await run(begin(), { steps: 2 }))
    expect(stopped.step).toBe(2)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses a gradient of %s before anything changes", async (value) => {
    const state = begin()
    const broken: GradientSource = async (model, tasks) => {
      const parts = await gradients(model, tasks)
      return tasks[0]?.step === 1
        ? parts.map(({ loss, gradients }) => ({ loss, gradients: gradients.fill(value, 3, 4) }))
        : parts
    }
    const error = await failure(run(state, {}, { gradients: broken }))
    expect(error.message).toBe(
      `training: the length of the gradient is ${value} at step 2. Lower the learning rate (now 0.1). The run after step 1 is kept.`,
    )
    expect(error).toMatchObject({ code: "loss-not-finite" })
    expect(error.state).toEqual(await run(begin(), { steps: 1 }))
  })

  it("keeps the run before a step that cannot be computed, and continues from it", async () => {
    const full: GradientSource = async (model, tasks) => {
      if (tasks[0]?.step === 2) throw new RangeError("Array buffer allocation failed")
      return gradients(model, tasks)
    }
    const error = await failure(run(begin(), {}, { gradients: full }))
    expect(error.message).toMatch(/^training: step 3 could not be computed: there is not enough memory/)
    expect(error).toMatchObject({ code: "step-failed", cause: expect.any(RangeError) })
    expect(error.state).toEqual(await run(begin(), { steps: 2 }))
    expect(await run(error.state)).toEqual(await run(begin()))
  })

  it("passes on what the first step fails with, also that of a run that continues", async () => {
    const broken: GradientSource = () => Promise.reject(new CoreError("picture-size", "it is too small"))
    for (const state of [begin(), await run(begin(), { steps: 1 })]) {
      await expect(run(state, {}, { gradients: broken })).rejects.toMatchObject({ code: "picture-size" })
    }
  })

  it.each([1, 5])("keeps the weights before an update that overflows, here that of step %i", async (broken) => {
    const overflowing: TrainMachine = {
      gradients,
      loadOptimizer: (values, state) => {
        const optimizer = SGD.load(values, state, { momentum: 0 })
        let step = 0
        return {
          ...optimizer,
          step: (sum, rate) => optimizer.step(sum, ++step === broken ? 1e60 : rate),
        }
      },
    }
    const start = (): TrainState => ({ ...begin(), optimizer: SGD.init(begin().model.values.length) })
    const error = await failure(run(start(), { steps: broken }, overflowing))
    expect(error).toMatchObject({ code: "weights-not-finite", state: { step: broken - 1 } })
    expect(error.message).toContain(`a weight is not finite at step ${broken}`)
    const good = broken === 1 ? start() : await run(start(), { steps: broken - 1 }, overflowing)
    expect(error.state.model.values).toEqual(good.model.values)
  })

  it("refuses to start from weights that are not finite", async () => {
    const state = begin()
    state.model.values[7] = Number.NaN
    expect(await failure(run(state))).toMatchObject({ code: "weights-not-finite", state: { step: 0 } })
  })

  it.each<[object, string]>([
    [{ batchSize: -1 }, "training: batchSize is -1, expected a whole number from 1 to 4096"],
    [{ steps: 1e9 }, "training: steps is 1000000000, expected a whole number from 1 to 10000000"],
    [{ steps: 2.5 }, "training: steps is 2.5"],
    [{ shards: 0 }, "training: shards is 0"],
    [{ seed: -1 }, "training: seed is -1"],
    [{ learningRate: Number.NaN }, "training: learningRate is NaN, expected a number from 0 to 1000"],
    [{ maxGradNorm: Number.POSITIVE_INFINITY }, "training: maxGradNorm is Infinity"],
    [{ lr: { curve: "cosine", warmupSteps: 1.5 } }, "learning rate: warmupSteps is 1.5, expected a whole number"],
    [{ lr: { curve: "polynomial", power: -1 } }, "learning rate: power is -1, expected a number from 0 to 1000"],
    [
      { lr: { curve: "cosine_with_min_lr", minRatio: 2 } },
      "learning rate: minRatio is 2, expected a number from 0 to 1",
    ],
    [
      { lr: { curve: "inverse_sqrt", timescale: 0 } },
      "learning rate: timescale is 0, expected a whole number from 1 to 10000000",
    ],
    [
      { optimizer: { name: "adamw", beta1: 1 } },
      'optimizer "adamw": beta1 is 1, expected a number of at least 0 and below 1',
    ],
    [{ optimizer: { name: "constructor" } }, 'optimizer: there is no "constructor". There are: adamw'],
    [{ objective: { minTimestep: -1 } }, "objective: minTimestep is -1, expected a whole number from 0 to 999"],
    [{ objective: { maxTimestep: 1001 } }, "objective: maxTimestep is 1001, expected a whole number from 1 to 1000"],
    [{ objective: { minTimestep: 500, maxTimestep: 500 } }, "expected minTimestep below maxTimestep"],
    [{ objective: { loss: "toString" } }, 'objective: no loss "toString". There are: l2, l1, huber, smooth_l1.'],
    [{ objective: { huber: { schedule: "linear" } } }, 'objective: no Huber schedule "linear"'],
    [
      { objective: { huber: { schedule: "snr", delta: 0 } } },
      "objective.huber: delta is 0, expected a number above 0 and of at most 1000",
    ],
    [{ objective: { weights: { minSnrGamma: Number.NaN } } }, "objective.weights: minSnrGamma is NaN"],
  ])("refuses %j before it computes anything", async (changes, message) => {
    const untouched: GradientSource = () => Promise.reject(new Error("it has begun"))
    await expect(run(begin(), changes, { gradients: untouched })).rejects.toThrow(message)
  })
})
