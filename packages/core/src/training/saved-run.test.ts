import { openSafetensors, type UnetLayout } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { serializeSafetensors } from "@lllite/format/write"
import { describe, expect, it } from "vitest"
import { createStream } from "../random/stream.ts"
import { LLLITE } from "./lllite-trainable.ts"
import type { OptimizerChoice } from "./optimizers/index.ts"
import { readSavedRun, type SavedRun, savedRunChunks } from "./saved-run.ts"
import { saveTrainState } from "./saved-state.ts"
import { train } from "./train.ts"
import { createTrainState, type TrainState } from "./train-state.ts"

const LAYOUT: UnetLayout = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 }
const SITES = enumerateSites(LAYOUT).slice(0, 3)

/** A run after some steps with gradients that are made up. */
async function afterSteps(optimizer: OptimizerChoice, mlpDim = 3): Promise<TrainState> {
  const state = createTrainState(SITES, { condDim: 4, mlpDim }, 4, { optimizer })
  const gradients = async (_: unknown, tasks: readonly { readonly step: number }[]) =>
    tasks.map(({ step }) => ({
      loss: 1,
      gradients: createStream(4, "test").normal(state.model.values.length, { step, index: 0 }),
    }))
  const options = { steps: 5, batchSize: 1, seed: 4, learningRate: 0.02, optimizer }
  const machine = { gradients, parts: LLLITE.parts(state.model) }
  for await (const event of train(state, [{ width: 64, height: 64 }], machine, options)) {
    if (event.step === 3) return event.state()
  }
  throw new Error("the run was shorter")
}

async function fileOf(run: SavedRun): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of savedRunChunks(run)) parts.push(part.slice())
  return new Uint8Array(Buffer.concat(parts))
}

const reopened = async (run: SavedRun): Promise<SavedRun> =>
  readSavedRun(await openSafetensors(await fileOf(run)), LAYOUT)

describe("the file of a run", () => {
  it.each([
    ["adamw", 3],
    ["adamw8bit", 48],
  ] as const)("with %s holds the state, the facts and the history as they are", async (name, mlpDim) => {
    const state = await afterSteps({ name }, mlpDim)
    expect(state.step).toBe(3)
    const facts = new Map([
      ["seed", "4"],
      ["run.seed", "a name with a point"],
    ])
    const history = new Map([
      ["loss", Float64Array.of(0.1, 1 / 3, -1e-300)],
      ["rate", Float64Array.of()],
    ])
    const read = await reopened({ state, facts, history })
    expect(saveTrainState(LLLITE, read.state)).toEqual(saveTrainState(LLLITE, state))
    expect(read.facts).toEqual(facts)
    expect(read.history).toEqual(history)
  })

  it("needs neither facts nor history", async () => {
    const state = createTrainState(SITES, { condDim: 4, mlpDim: 3 }, 4)
    const read = await reopened({ state, facts: new Map() })
    expect(saveTrainState(LLLITE, read.state)).toEqual(saveTrainState(LLLITE, state))
    expect([read.facts.size, read.history?.size]).toEqual([0, 0])
  })

  it("has the tensors by their names, in their dtypes", async () => {
    const state = await afterSteps({ name: "adamw" })
    const history = new Map([["loss", Float64Array.of(1, 2)]])
    const file = await openSafetensors(await fileOf({ state, facts: new Map([["seed", "4"]]), history }))
    expect(file.metadata.get("run.seed")).toBe("4")
    expect(file.metadata.get("step")).toBe("3")
    expect(file.tensors.get("steps.loss")).toMatchObject({ dtype: "F64", shape: [2] })
    expect(file.tensors.get(`model.${SITES[0]?.key}.mid.0.weight`)).toMatchObject({ dtype: "F32", shape: [3, 7] })
    expect(file.tensors.get("optimizer.m")?.dtype).toBe("F32")
  })

  it("is refused when it is not a run, or for another network", async () => {
    const other = serializeSafetensors(new Map(), new Map([["a", "b"]]))
    await expect(openSafetensors(other).then((file) => readSavedRun(file, LAYOUT))).rejects.toThrow(
      "is not the state of a training. Give a file that was saved as one.",
    )
    const bytes = await fileOf({ state: createTrainState(SITES, { condDim: 4, mlpDim: 3 }, 4), facts: new Map() })
    const wider = { ...LAYOUT, modelChannels: 8 }
    await expect(openSafetensors(bytes).then((file) => readSavedRun(file, wider))).rejects.toThrow(/U-Net|width|shape/)
  })
})
