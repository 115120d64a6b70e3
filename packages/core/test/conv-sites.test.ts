import { enumerateSites, NAMED_SELECTIONS } from "@lllite/format/selections"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../reference/synthetic.ts"
import { createNoiseSchedule } from "../src/diffusion/index.ts"
import type { Sdxl } from "../src/models/index.ts"
import type { CachedExample, ObjectiveOptions, TrainState, ValuePart } from "../src/training/index.ts"
import { cacheDataset, LLLITE, objective } from "../src/training/index.ts"
import { actingModel } from "./acting-lllite.ts"
import { createSyntheticSdxl, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))

/* sd-scripts cannot run these hosts: a downsampler's embedding has another grid than its input there. */
describe("an LLLite on convolutions, down- and upsamplers", () => {
  const [width, height] = [96, 64]
  const sites = enumerateSites(SMALL_UNET.layout, NAMED_SELECTIONS.convTooOutputBlocks)
  const schedule = createNoiseSchedule()
  let sdxl: Sdxl
  let cached: readonly CachedExample[]
  let model: TrainState["model"]

  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
    model = actingModel(sites, { condDim: 4, mlpDim: 4 })
    const picture = (name: string): { width: number; height: number; data: Uint8Array } => ({
      ...{ width, height },
      data: Uint8Array.from(signal(name, [height, width, 3]), (value) => (value + 1) * 127),
    })
    const size = { original: [height, width], crop: [0, 0], target: [height, width] } as const
    const example = { name: "a", image: picture("image"), control: picture("control"), caption: "a star", size }
    const caching = cacheDataset(sdxl, { count: 1, example: async () => example }, { seed: 5 })
    let next = await caching.next()
    while (next.done !== true) next = await caching.next()
    cached = next.value
  })
  afterAll(() => sdxl.dispose())

  const at = (values: Float32Array, options: ObjectiveOptions = {}): ReturnType<typeof objective> =>
    objective(
      sdxl,
      schedule,
      LLLITE,
      { ...model, values },
      { seed: 5, step: 3, firstRow: 0, examples: cached },
      options,
    )

  it.each(["conv1", "downsample"] as const)("has the slope of its loss at %s", async (projection) => {
    const keys = sites.filter((site) => site.projection === projection).map(({ key }) => key)
    const isOne = ({ name }: ValuePart): boolean => keys.some((key) => name.startsWith(`${key}.`))
    const { gradients } = await at(model.values)
    const slope = new Float32Array(gradients.length)
    for (const { offset, size } of LLLITE.parts(model).filter(isOne)) {
      slope.set(gradients.subarray(offset, offset + size), offset)
    }
    const length = norm(slope)
    expect(length).toBeGreaterThan(1e-5)
    // A step along the slope changes the loss by its length, as long as no ReLU changes its side.
    const move = 1e-4 * norm(model.values)
    const along = (sign: number): Float32Array =>
      model.values.map((value, i) => value + (sign * move * (slope[i] as number)) / length)
    const [up, down] = [await at(along(1)), await at(along(-1))]
    expect((up.loss - down.loss) / (2 * move) / length).toBeCloseTo(1, 1)
  })

  it("has the same gradients with checkpointing", async () => {
    const [whole, again] = [await at(model.values), await at(model.values, { gradientCheckpointing: true })]
    const largest = whole.gradients.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const error = whole.gradients.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (again.gradients[i] as number))),
      0,
    )
    expect(error / largest).toBeLessThan(1e-5)
  })
})
