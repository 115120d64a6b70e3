import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { createStream } from "../random/stream.ts"
import { LLLITE } from "./lllite-trainable.ts"
import { OPTIMIZERS, type OptimizerChoice, type OptimizerName } from "./optimizers/index.ts"
import { loadTrainState, type SavedTrainState, saveTrainState } from "./saved-state.ts"
import { type GradientSource, train } from "./train.ts"
import { beginTraining, createTrainState, type TrainState } from "./train-state.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const SITES = enumerateSites(LAYOUT).slice(0, 3)
const EXAMPLES = Array.from({ length: 5 }, () => ({ width: 64, height: 64 }))
const LR = { curve: "cosine_with_restarts", cycles: 2, warmupSteps: 3 } as const
const OPTIONS = { steps: 12, batchSize: 2, seed: 4, learningRate: 0.02, lr: LR, shards: 2 }

const begin = (mlpDim = 3): TrainState => createTrainState(SITES, { condDim: 4, mlpDim }, 4)

/** Gradients that depend on the values, the step and the examples. */
const gradients: GradientSource = async ({ values }, tasks) =>
  tasks.map(({ step, firstRow, examples }) => {
    const noise = createStream(4, "test").normal(values.length, { step, index: firstRow })
    const pull = examples.reduce((sum, index) => sum + index, 0) / 10
    return { loss: pull, gradients: noise.map((value, i) => value + (values[i] ?? 0) - pull) }
  })

async function run(
  state: TrainState,
  until: number,
  optimizer: OptimizerChoice = { name: "adamw" },
): Promise<TrainState> {
  const machine = { gradients, parts: LLLITE.parts(state.model) }
  for await (const event of train(state, EXAMPLES, machine, { ...OPTIONS, optimizer })) {
    if (event.step === until) return event.state()
  }
  throw new Error("the run was shorter")
}

/** Converts it to bytes and text and back, as a file does. */
function throughAFile({ tensors, metadata }: SavedTrainState): SavedTrainState {
  const bytes = [...tensors].map(
    ([name, { shape, values }]) =>
      [name, shape, values instanceof Float32Array, new Uint8Array(values.slice().buffer)] as const,
  )
  const read = JSON.parse(JSON.stringify([...metadata])) as [string, string][]
  return {
    tensors: new Map(
      bytes.map(([name, shape, isFloat, data]) => [
        name,
        { shape, values: isFloat ? new Float32Array(data.buffer) : data },
      ]),
    ),
    metadata: new Map(read),
  }
}

describe("a saved run", () => {
  it.each([1, 5, 11])("that was stopped after step %d continues bit for bit", async (step) => {
    const whole = await run(begin(), 12)
    const saved = throughAFile(saveTrainState(LLLITE, await run(begin(), step)))
    expect(saved.metadata.get("step")).toBe(String(step))
    const resumed = await run(loadTrainState(LLLITE, saved, begin().model), 12)
    expect(resumed).toEqual(whole)
    expect(new Uint8Array(resumed.model.values.buffer)).toEqual(new Uint8Array(whole.model.values.buffer))
    expect(resumed.step).toBe(12)
  })

  it("keeps what rounding has left out, and refuses it for another model", async () => {
    const state = { ...begin(), feedback: new Map([[10, begin().model.values.map((_, i) => i / 7)]]) }
    const saved = throughAFile(saveTrainState(LLLITE, state))
    expect(loadTrainState(LLLITE, saved, begin().model)).toEqual(state)
    for (const [name, values] of [
      ["feedback.10", Float32Array.of(1)],
      ["feedback.x", begin().model.values],
      ["feedback.1", new Uint8Array(begin().model.values.length)],
    ] as const) {
      const tensors = new Map([...saved.tensors, [name, { shape: [values.length], values }] as const])
      expect(() => loadTrainState(LLLITE, { ...saved, tensors }, begin().model)).toThrow(`"${name}"`)
    }
  })

  it.each(Object.keys(OPTIMIZERS) as OptimizerName[])("of %s continues bit for bit", async (name) => {
    const optimizer = { name } as OptimizerChoice
    const start = (): TrainState => beginTraining(begin(48).model, optimizer)
    const whole = await run(start(), 12, optimizer)
    const saved = throughAFile(saveTrainState(LLLITE, await run(start(), 5, optimizer)))
    expect(await run(loadTrainState(LLLITE, saved, begin(48).model), 12, optimizer)).toEqual(whole)
  })

  it("names every tensor of the LLLite as its file does, in the file's shape", async () => {
    const { tensors } = saveTrainState(LLLITE, await run(begin(), 1))
    const [site] = SITES
    const key = `model.${site?.key}`
    expect(tensors.get(`${key}.mid.0.weight`)?.shape).toEqual([3, 7])
    expect(tensors.get(`${key}.conditioning1.0.weight`)?.shape).toEqual([2, 3, 4, 4])
    expect(tensors.get("optimizer.m")?.values).toHaveLength(begin().model.values.length)
    const parts = LLLITE.parts(begin().model)
    expect(new Set(parts.map(({ group }) => group))).toEqual(new Set(["conditioning1", "down", "mid", "up"]))
    expect(parts.reduce((end, { offset, size }) => (offset === end ? end + size : Number.NaN), 0)).toBe(
      begin().model.values.length,
    )
  })

  it("is refused with the name of the wrong part", () => {
    const saved = saveTrainState(LLLITE, begin())
    const load = (changes: Partial<SavedTrainState>, like = begin().model): unknown =>
      loadTrainState(LLLITE, { ...saved, ...changes }, like)
    const said = (name: string, value?: string): Partial<SavedTrainState> => {
      const metadata = new Map(saved.metadata)
      if (value === undefined) metadata.delete(name)
      else metadata.set(name, value)
      return { metadata }
    }
    const [first = ""] = saved.tensors.keys()
    const without = new Map(saved.tensors)
    without.delete(first)
    expect(() => load({ tensors: without })).toThrow(`"${first}" is missing`)
    expect(() =>
      load({ tensors: new Map([...saved.tensors, ["model.more", { shape: [0], values: new Float32Array() }]]) }),
    ).toThrow('the first is "model.more"')
    expect(() => load({}, begin(5).model)).toThrow(/is \[3, \d+\], expected \[5, \d+\]/)
    expect(() => load(said("trains", "lora"))).toThrow('it trains a "lora", expected a "lllite"')
    expect(() => load(said("step", "-1"))).toThrow('"step" is "-1", expected a whole number')
    expect(() => load(said("optimizer_number.d", "much"))).toThrow('"optimizer_number.d" is "much", expected a number')
    expect(() => load(said("optimizer"))).toThrow('does not say "optimizer"')
  })
})
