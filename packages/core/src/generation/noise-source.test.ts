import "@tensorflow/tfjs"
import type { Tensor4D } from "@tensorflow/tfjs-core"
import { transpose } from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { NOISE_NAMES } from "../diffusion/names.ts"
import { fnv1a32 } from "../random/fnv1a.ts"
import { createStream } from "../random/stream.ts"
import { createTorchGenerator } from "../random/torch.ts"
import { createNoiseSource } from "./noise-source.ts"
import type { StartNoise } from "./start-noise.ts"

const SHAPE = [2, 3, 4] as const
const SIGMAS = [14, 5, 1, 0]
const STEP = { from: 5, to: 1 }

async function valuesOf(tensor: Tensor4D): Promise<readonly number[]> {
  const values = [...(await tensor.data())]
  tensor.dispose()
  return values
}

describe.each(NOISE_NAMES)("noise of %s", (name) => {
  const create = (seeds: readonly number[] = [7]) =>
    createNoiseSource(
      name,
      seeds.map((seed) => ({ seed })),
      SHAPE,
      SIGMAS,
    )
  const between = (source: ReturnType<typeof create>, from: number, to: number) =>
    valuesOf(source.between({ from, to }) as Tensor4D)

  it("repeats for an interval", async () => {
    const source = create()
    const first = await between(source, 5, 1)
    await between(source, 14, 5)
    await between(source, 5, 2)
    expect(await between(source, 5, 1)).toEqual(first)
  })

  it("differs from interval to interval, and from the start", async () => {
    const source = create()
    const draws = [await valuesOf(source.start())]
    for (const [from, to] of [
      [14, 5],
      [5, 1],
      [5, 2],
      [5, 5.5],
      [2, 1],
    ] as const)
      draws.push(await between(source, from, to))
    expect(new Set(draws.map(String)).size).toBe(draws.length)
  })

  it("gives a picture in a batch the same noise as alone", async () => {
    const [batch, alone] = [create([3, 7]), create([7])]
    expect((await valuesOf(batch.start())).slice(24)).toEqual(await valuesOf(alone.start()))
    expect((await between(batch, 14, 5)).slice(24)).toEqual(await between(alone, 14, 5))
  })
})

describe("noise of a picture in a batch that PyTorch draws at once", () => {
  const places = [0, 1, 2].map((index) => ({ seed: 7, batch: { index, count: 3 } }))

  it.each(["torch-cpu", "torch-cuda", "comfyui"] as const)("is its part of the draw of %s", async (name) => {
    const source = createNoiseSource(name, places, SHAPE, SIGMAS)
    // Draws of 3 x 24 values, channels first. The steps of "comfyui" have a generator of their own.
    const whole = createTorchGenerator(name === "comfyui" ? "torch-cpu" : name, 7)
    const steps = name === "comfyui" ? createTorchGenerator("torch-cuda", 7) : whole
    const channelsFirst = async (tensor: Tensor4D): Promise<readonly number[]> => {
      const moved = transpose(tensor, [0, 3, 1, 2]) as Tensor4D
      tensor.dispose()
      return valuesOf(moved)
    }
    expect(await channelsFirst(source.start())).toEqual([...whole.randn(72)])
    expect(await channelsFirst(source.between({ from: 14, to: 5 }))).toEqual([...steps.randn(72)])
    expect(await channelsFirst(source.between({ from: 5, to: 1 }))).toEqual([...steps.randn(72)])
  })
})

describe("noise of LLLite's streams", () => {
  it("has a stream for the start, one for steps by their number, and one for other intervals by their ends", async () => {
    const source = createNoiseSource("lllite", [{ seed: 7 }], SHAPE, SIGMAS)
    const drawn = (purpose: string, at = {}): number[] => [...createStream(7, purpose).normal(SHAPE, at)]
    const between = (from: number, to: number) => valuesOf(source.between({ from, to }) as Tensor4D)
    const ends = (from: number, to: number) => ({ step: fnv1a32(String(from)), index: fnv1a32(String(to)) })
    expect(await valuesOf(source.start())).toEqual(drawn("start"))
    expect(await between(14, 5)).toEqual(drawn("step noise", { step: 0 }))
    expect(await between(1, 0)).toEqual(drawn("step noise", { step: 2 }))
    expect(await between(14, 1)).toEqual(drawn("interval noise", ends(14, 1)))
    // This level comes before the first one.
    expect(await between(20, 14)).toEqual(drawn("interval noise", ends(20, 14)))
  })

  it("depends on the step's number, and not on earlier calls", async () => {
    const [early, late] = [
      createNoiseSource("lllite", [{ seed: 7 }], SHAPE, SIGMAS),
      createNoiseSource("lllite", [{ seed: 7 }], SHAPE, SIGMAS),
    ]
    const expected = [...createStream(7, "step noise").normal(SHAPE, { step: 1 })]
    expect(await valuesOf(early.between(STEP) as Tensor4D)).toEqual(expected)
    late.between({ from: 9, to: 8 }).dispose()
    late.between({ from: 14, to: 5 }).dispose()
    expect(await valuesOf(late.between(STEP) as Tensor4D)).toEqual(expected)
  })
})

describe("noise of ComfyUI", () => {
  it("is that of the CPU for the start, and that of a card from its first draw on for steps", async () => {
    const source = createNoiseSource("comfyui", [{ seed: 7 }], SHAPE, SIGMAS)
    const cpu = createNoiseSource("torch-cpu", [{ seed: 7 }], SHAPE, SIGMAS)
    expect(await valuesOf(source.start())).toEqual(await valuesOf(cpu.start()))
    const card = createNoiseSource("torch-cuda", [{ seed: 7 }], SHAPE, SIGMAS)
    const [start, second] = [
      await valuesOf(card.start()),
      await valuesOf(card.between({ from: 14, to: 5 }) as Tensor4D),
    ]
    expect(await valuesOf(source.between({ from: 14, to: 5 }) as Tensor4D)).toEqual(start)
    expect(await valuesOf(source.between(STEP) as Tensor4D)).toEqual(second)
  })
})

describe.each(["torch-cpu", "torch-cuda"] as const)("noise of PyTorch's %s", (name) => {
  it("is drawn channels first, then rows, then columns, one tensor after another", async () => {
    const [rows, columns, channels] = SHAPE
    const generator = createTorchGenerator(name, 7)
    const source = createNoiseSource(name, [{ seed: 7 }], SHAPE, SIGMAS)
    for (const values of [await valuesOf(source.start()), await valuesOf(source.between(STEP) as Tensor4D)]) {
      const drawn = generator.randn(rows * columns * channels)
      const expected = Array.from({ length: drawn.length }, (_, i) => {
        const [row, column] = [Math.floor(i / (columns * channels)), Math.floor(i / channels) % columns]
        return drawn[((i % channels) * rows + row) * columns + column]
      })
      expect(values).toEqual(expected)
    }
  })
})

describe("the shape of noise", () => {
  it.each(NOISE_NAMES)("is [pictures, rows, columns, channels] with %s", (name) => {
    const source = createNoiseSource(
      name,
      [1, 2, 3].map((seed) => ({ seed })),
      SHAPE,
      SIGMAS,
    )
    for (const noise of [source.start(), source.between(STEP)]) {
      expect(noise.shape).toEqual([3, ...SHAPE])
      noise.dispose()
    }
  })
})

describe.each(NOISE_NAMES)("what is added to the start of %s", (name) => {
  const GRID = [8, 6, 4] as const
  const offset = (probability: number, range: readonly [number, number] = [0.1, 0.3]) => ({
    offset: { probability, range },
  })
  const pyramid = (probability: number) => ({ pyramid: { probability, discount: [0.3, 0.5] as const } })
  const source = (added: StartNoise | null, seeds: readonly number[] = [7]) =>
    createNoiseSource(
      name,
      seeds.map((seed) => ({ seed })),
      GRID,
      SIGMAS,
      added,
    )
  const starts = (added: StartNoise | null, seeds?: readonly number[]) => valuesOf(source(added, seeds).start())

  it("is one number for all of a picture, by its seed", async () => {
    const [plain, changed] = [await starts(null), await starts(offset(1))]
    const added = changed.map((value, i) => value - (plain[i] ?? Number.NaN))
    expect(Math.abs(added[0] ?? 0)).toBeGreaterThan(0)
    for (const each of added) expect(each).toBeCloseTo(added[0] ?? 0, 5)
    const both = await starts(offset(1), [3, 7])
    expect(both.slice(plain.length)).toEqual(changed)
    // A range without a width is the number itself.
    expect((await starts(offset(1, [0.2, 0.2])))[0]).toBeCloseTo((plain[0] ?? 0) + 0.2, 5)
  })

  it("is noise of coarser grids, with the deviation 1, again the same", async () => {
    const changed = await starts(pyramid(1))
    expect(changed).not.toEqual(await starts(null))
    expect(changed).toEqual(await starts(pyramid(1)))
    const mean = changed.reduce((sum, value) => sum + value, 0) / changed.length
    const squares = changed.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    expect(Math.sqrt(squares / (changed.length - 1))).toBeCloseTo(1, 4)
  })

  it("is nothing with probability 0, and something for half of the pictures with 0.5", async () => {
    expect(await starts({ ...pyramid(0), ...offset(0) })).toEqual(await starts(null))
    const seeds = Array.from({ length: 60 }, (_, i) => i)
    const [plain, changed] = [await starts(null, seeds), await starts(offset(0.5), seeds)]
    const size = GRID[0] * GRID[1] * GRID[2]
    const count = seeds.filter((_, i) => changed[i * size] !== plain[i * size]).length
    expect(count).toBeGreaterThan(15)
    expect(count).toBeLessThan(45)
  })

  it("changes neither the noise of pictures nor LLLite's noise between steps", async () => {
    const plain = await valuesOf(source(null).after(2))
    if (name === "lllite") {
      expect(await valuesOf(source(offset(1)).after(2))).toEqual(plain)
      expect(await valuesOf(source(offset(1)).between(STEP))).toEqual(await valuesOf(source(null).between(STEP)))
    } else {
      // PyTorch's generator has gone on by the numbers that were added.
      expect(await valuesOf(source(offset(1)).after(2))).not.toEqual(plain)
    }
  })
})
