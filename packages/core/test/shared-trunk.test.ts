import type { Site } from "@lllite/format"
import { fromBytes, readLllite } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { serializeLllite } from "@lllite/format/write"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../reference/synthetic.ts"
import { createNoiseSchedule } from "../src/diffusion/index.ts"
import type { LlliteModel, Sdxl } from "../src/models/index.ts"
import { disposeLllite, fileTensor, prepareControl, readLlliteModel, uploadLllite } from "../src/models/index.ts"
import { layOutSlots } from "../src/models/lllite/layout.ts"
import type { CachedExample, TrainState } from "../src/training/index.ts"
import { createTrainState, LLLITE, objective, train } from "../src/training/index.ts"
import { drawnLllite, namedPicture, twoExamples } from "./drawn-lllite.ts"
import { createSyntheticSdxl, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const schedule = createNoiseSchedule()
const dims = { condDim: 8, mlpDim: 8, sharedTrunk: true }
const sites: readonly Site[] = enumerateSites(SMALL_UNET.layout)
const depths = [...new Set(sites.map(({ depth }) => depth))]

/** The same with a conditioner of its own at each site. */
function unrolled(model: LlliteModel): LlliteModel {
  const adapters = sites.map((site) => ({ site, condDim: dims.condDim, mlpDim: dims.mlpDim }))
  const { slots, size } = layOutSlots(adapters)
  const values = new Float32Array(size)
  const own = new Map(model.slots.map((slot) => [slot.key, slot]))
  for (const { plan, name, key, offset } of slots) {
    const trunk = `lllite_conditioning1.depth${plan.site.depth}.${name.slice("conditioning1.".length)}`
    const from = own.get(key) ?? own.get(trunk)
    if (from === undefined) throw new Error(key)
    values.set(model.values.subarray(from.offset, from.offset + from.size), offset)
  }
  return { adapters, slots, values }
}

describe("a shared trunk", () => {
  let sdxl: Sdxl
  let examples: CachedExample[]

  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
    examples = await twoExamples(sdxl, (index) => `control ${index}`)
  })
  afterAll(() => sdxl.dispose())

  const lossOf = (model: LlliteModel, gradientCheckpointing = false) =>
    objective(sdxl, schedule, LLLITE, model, { seed: 5, step: 4, firstRow: 0, examples }, { gradientCheckpointing })

  it("computes what the same conditioner at every site does, and runs once for each depth", async () => {
    const model = drawnLllite(sites, dims)
    const images = { count: 1, height: 64, width: 64, data: new Float32Array(signal("control", [64, 64, 3])) }
    let products = 0
    const counted = {
      ...sdxl.ops,
      dense: (...inputs: Parameters<Sdxl["ops"]["dense"]>) => {
        products += 1
        return sdxl.ops.dense(...inputs)
      },
    }
    const shares = async (each: LlliteModel): Promise<{ values: readonly Float32Array[]; products: number }> => {
      const params = uploadLllite(each)
      products = 0
      const control = prepareControl(counted, params, images)
      const values = await Promise.all([...control.shares.values()].map(({ share }) => share.data<"float32">()))
      control.dispose()
      disposeLllite(params)
      return { values, products }
    }
    const before = tf.memory().numTensors
    const [shared, plain] = [await shares(model), await shares(unrolled(model))]
    expect(shared.values).toEqual(plain.values)
    const layers = (depth: number): number => (depth === 3 ? 3 : 2)
    expect(plain.products).toBe(sites.reduce((sum, { depth }) => sum + layers(depth) + 1, 0))
    expect(shared.products).toBe(sites.length + depths.reduce((sum, depth) => sum + layers(depth), 0))
    expect(tf.memory().numTensors).toBe(before)
    expect(model.values.length).toBeLessThan(unrolled(model).values.length)
  })

  it.each([false, true])("has the sum of its sites' gradients (checkpointing: %s)", async (checkpointing) => {
    const model = drawnLllite(sites, dims)
    const plain = unrolled(model)
    const [shared, apart] = [await lossOf(model, checkpointing), await lossOf(plain, checkpointing)]
    expect(shared.loss).toBe(apart.loss)
    const held = tf.memory().numTensors
    await lossOf(model, checkpointing)
    expect(tf.memory().numTensors).toBe(held)
    const summed = new Map<string, Float64Array>()
    for (const { plan, name, key, offset, size } of plain.slots) {
      const trunk = `lllite_conditioning1.depth${plan.site.depth}.${name.slice("conditioning1.".length)}`
      const to = name.startsWith("conditioning1.") ? trunk : key
      const sum = summed.get(to) ?? new Float64Array(size)
      for (let i = 0; i < size; i++) sum[i] = (sum[i] ?? 0) + (apart.gradients[offset + i] ?? Number.NaN)
      summed.set(to, sum)
    }
    const largest = Math.max(...apart.gradients.map(Math.abs))
    expect([...summed.keys()].toSorted()).toEqual(model.slots.map(({ key }) => key).toSorted())
    for (const { key, offset, size } of model.slots) {
      const wanted = summed.get(key) ?? new Float64Array(size)
      const found = shared.gradients.subarray(offset, offset + size)
      expect(wanted.some((value) => value !== 0)).toBe(true)
      const apart = Math.max(...found.map((value, i) => Math.abs(value - (wanted[i] ?? Number.NaN))))
      expect(apart).toBeLessThan(1e-5 * largest)
    }
  })

  it("trains, moves every tensor, continues bit for bit, and is saved with its trunks", async () => {
    const options = { steps: 3, batchSize: 2, seed: 5, learningRate: 1e-2 }
    const run = async (state: TrainState, steps = 3): Promise<TrainState> => {
      const gradients = async (model: LlliteModel) => [await lossOf(model)]
      const running = train(state, examples, { gradients }, { ...options, steps })
      for (;;) {
        const next = await running.next()
        if (next.done === true) return next.value
      }
    }
    const controls = [namedPicture("control 0")]
    const begin = (): TrainState => createTrainState(sites, dims, 5, { controls })
    const start = begin().model.values
    const whole = await run(begin())
    const half = structuredClone(await run(begin(), 1))
    expect((await run(half)).model.values).toEqual(whole.model.values)
    const still = whole.model.slots.filter(({ offset, size }) =>
      whole.model.values.subarray(offset, offset + size).every((value, i) => value === start[offset + i]),
    )
    expect(still.map(({ key }) => key)).toEqual([])
    const written = await serializeLllite({
      sites: whole.model.adapters.map(({ site, ...form }) => ({ ...site, ...form })),
      values: (site, name) => fileTensor(whole.model, site, name),
      dtype: "F32",
    })
    const file = await readLllite(fromBytes(written), { layout: SMALL_UNET.layout })
    expect(file.dims).toEqual(dims)
    expect(file.parameterCount).toBe(whole.model.values.length)
    expect((await readLlliteModel(file)).values).toEqual(whole.model.values)
    const tensor: typeof file.tensor = async (site, name) => {
      const values = Float32Array.from(await file.tensor(site, name))
      values[0] = Number.NaN
      return values
    }
    await expect(readLlliteModel({ ...file, tensor })).rejects.toThrow(/value 0 of "lllite.*" is NaN/)
  })
})
