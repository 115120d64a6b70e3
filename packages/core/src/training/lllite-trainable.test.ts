import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import { cutLatentValues } from "../models/lllite/latent-patches.ts"
import { createLllite } from "../models/lllite/model.ts"
import { type TapPlace, UNKNOWN_PASS } from "../models/taps.ts"
import type { Ops } from "../ops/ops.ts"
import { createStream } from "../random/stream.ts"
import { streamDraws } from "./batch-draws.ts"
import type { CachedExample } from "./dataset.ts"
import { createExampleMemo, NO_MEMO } from "./example-memo.ts"
import { LLLITE } from "./lllite-trainable.ts"
import type { TrainBatch } from "./trainable.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const SITES = enumerateSites(LAYOUT).slice(0, 3)
const model = createLllite(SITES, { condDim: 4, mlpDim: 6 }, createStream(1, "init"))
const [width, height] = [96, 64]

/** An example whose control has one brightness. */
const example = (brightness: number): CachedExample => ({
  ...{ width, height, latents: new Float32Array(), context: new Float32Array(), vector: new Float32Array() },
  control: { width, height, data: new Uint8Array(3 * width * height).fill(brightness) },
})
const batch = (change: Partial<TrainBatch> = {}): TrainBatch => ({
  ...{ examples: [example(0), example(255)], memo: NO_MEMO, draws: streamDraws(1, 0, 0, 2) },
  ...change,
})

describe("the parts of an LLLite that trains", () => {
  const parts = LLLITE.parts(model)

  it("are the tensors of its file, by their groups, without gaps", () => {
    const ofFirst = parts.filter(({ name }) => name.startsWith(`${SITES[0]?.key}.`))
    expect(ofFirst.map(({ name, group, shape }) => [name.split(".").slice(1).join("."), group, shape])).toEqual(
      expect.arrayContaining([
        ["down.0.weight", "down", [6, 8]],
        ["down.0.bias", "down", [6]],
        ["mid.0.weight", "mid", [6, 6 + 4]],
        ["up.0.weight", "up", [8, 6]],
        ["up.0.bias", "up", [8]],
        ["conditioning1.0.weight", "conditioning1", expect.any(Array)],
      ]),
    )
    let next = 0
    for (const { offset, size, shape } of parts) {
      expect(offset).toBe(next)
      expect(size).toBe(shape.reduce((product, side) => product * side, 1))
      next += size
    }
    expect(next).toBe(model.values.length)
  })

  it("lie in a file by their strides, and come back from it", () => {
    for (const part of parts) {
      const values = LLLITE.tensor(model, part)
      const [first = 1, second = 1] = part.shape
      const strides = part.strides ?? []
      // The element at [1, 0, …] and, of a matrix, at [first - 1, second - 1].
      if (first > 1) expect(values[part.size / first]).toBe(model.values[part.offset + (strides[0] ?? Number.NaN)])
      if (part.shape.length !== 2) continue
      const last = part.offset + (first - 1) * (strides[0] ?? 0) + (second - 1) * (strides[1] ?? 0)
      expect(values.at(-1)).toBe(model.values[last])
    }
    const filled = LLLITE.fill(model, (part) => LLLITE.tensor(model, part).map((value) => 2 * value))
    expect(filled.values).toEqual(model.values.map((value) => 2 * value))
    expect(filled.slots).toEqual(model.slots)
    expect(filled.adapters).toBe(model.adapters)
  })
})

describe("an LLLite on a device", () => {
  let ops: Ops
  beforeAll(async () => {
    ops = await startWasm()
  })
  const layerOf = (path: string) => ({ network: "unet", path, block: "input 4" }) as never
  const [site] = SITES
  const path = site?.path ?? ""

  it("has its tensors at its own layers of the U-Net, and frees them", () => {
    const before = tf.memory().numTensors
    const placed = LLLITE.place(ops, model, batch())
    expect(placed.leaves.reduce((sum, { size }) => sum + size, 0)).toBe(model.values.length)
    expect(placed.tap.has(layerOf(path))).toBe(true)
    expect(placed.tap.has(layerOf("input_blocks.0.0"))).toBe(false)
    expect(placed.tap.has({ network: "text1", path } as never)).toBe(false)
    expect(placed.leavesAt({ network: "text1", path } as never)).toEqual([])
    expect(placed.leavesAt(layerOf("input_blocks.0.0"))).toEqual([])
    const own = placed.leavesAt(layerOf(path))
    expect(own.length).toBeGreaterThan(0)
    expect(own.every((leaf) => placed.leaves.includes(leaf))).toBe(true)
    placed.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("says what it reads at a layer, unless it is drawn anew in each step or not known", () => {
    const grid = { height: 4, width: 6 }
    const place = { ...UNKNOWN_PASS, grid }
    const readsOf = (change: Partial<TrainBatch>, at: TapPlace = place) => {
      const placed = LLLITE.place(ops, model, batch(change))
      const found = placed.tap.reads?.(layerOf(path), at, 2) ?? null
      const elsewhere = placed.tap.reads?.(layerOf("input_blocks.0.0"), at, 2) ?? null
      expect(elsewhere).toBeNull()
      const result = found === null ? null : { ...found, own: placed.leavesAt(layerOf(path)) }
      placed.dispose()
      return result
    }
    const found = readsOf({})
    expect(found?.key).toMatch(/^lllite /)
    expect(found?.trained).toEqual(found?.own)
    // The first convolution reads 4×4 pixels of three channels, 16 rows of 24 in each of the two controls.
    expect(found?.reads).toMatchObject([{ shape: [2 * 16 * 24, 4 * 4 * 3] }])
    expect(readsOf({ strengths: [1, 0.5] })).toBeNull()
    expect(readsOf({ dropout: { rate: 0.1, draws: streamDraws(1, 0, 0, 2) } })).toBeNull()
    expect(readsOf({}, { ...place, grid: null })).toBeNull()
  })

  it("leaves what other layers read as it is, and what is not a picture", async () => {
    const placed = LLLITE.place(ops, model, batch())
    const x = tf.tensor3d(createStream(3, "x").normal(2 * 24 * 8), [2, 24, 8])
    const values = await x.data()
    // Half of the features' 8 × 12 latents on each side, which the second level has.
    const place = { ...UNKNOWN_PASS, grid: { height: 4, width: 6 } }
    const layers = [layerOf(path), layerOf("input_blocks.0.0")]
    const read = placed.tap.before?.(layers, x, place) as readonly tf.Tensor[]
    expect(read).toHaveLength(2)
    expect(await (read[1] as tf.Tensor).data()).toEqual(values)
    const plain = placed.tap.before?.(layers, x, { ...place, grid: null }) as readonly tf.Tensor[]
    expect(plain).toHaveLength(2)
    for (const one of plain) expect(await one.data()).toEqual(values)
    tf.dispose([x, ...read, ...plain])
    placed.dispose()
  })

  it("scales what dropout keeps, so that the mean of a share stays", async () => {
    const rate = 0.25
    const drawn = LLLITE.fill(model, ({ size, name }) => createStream(5, name).normal(size))
    const x = tf.tensor3d(createStream(3, "x").normal(2 * 24 * 8), [2, 24, 8])
    const adapted = async (kept: number | null): Promise<Float32Array> => {
      const draws = {
        keeps: (_: string, tokens: number, size: number) => new Float32Array(2 * tokens * size).fill(kept ?? 0),
      }
      const placed = LLLITE.place(ops, drawn, batch(kept === null ? {} : { dropout: { rate, draws } }))
      const place = { ...UNKNOWN_PASS, grid: { height: 4, width: 6 } }
      const read = placed.tap.before?.([layerOf(path)], x, place)[0] as tf.Tensor
      const values = (await read.data()) as Float32Array
      read.dispose()
      placed.dispose()
      return values
    }
    const [without, below, at] = [await adapted(null), await adapted(rate - 0.01), await adapted(rate)]
    x.dispose()
    // Without hidden values, only the bias of the last layer is left.
    const share = (values: Float32Array): readonly number[] =>
      Array.from(values, (value, i) => value - (below[i] as number))
    const whole = share(without)
    expect(Math.max(...whole)).toBeGreaterThan(0.1)
    const ratios = share(at).flatMap((value, i) =>
      Math.abs(whole[i] as number) < 0.01 ? [] : [value / (whole[i] as number)],
    )
    expect(Math.min(...ratios)).toBeCloseTo(4 / 3, 3)
    expect(Math.max(...ratios)).toBeCloseTo(4 / 3, 3)
  })

  it("cuts the latents of a control that is not square by its rows", async () => {
    const ofLatents = createLllite(SITES, { condDim: 4, mlpDim: 6, condInput: "latent" }, createStream(1, "init"))
    const sides = { height: height / 8, width: width / 8 }
    const latents = [1, 2].map((seed) => createStream(seed, "latents").normal(sides.height * sides.width * 4))
    const examples = latents.map((controlLatents) => ({ ...example(0), controlLatents }))
    const placed = LLLITE.place(ops, ofLatents, batch({ examples }))
    const reads = placed.tap.reads?.(layerOf(path), { ...UNKNOWN_PASS, grid: { height: 4, width: 6 } }, 2)?.reads
    const depth = site?.depth as 1 | 2 | 3
    expect(await (reads?.[0] as tf.Tensor | undefined)?.data()).toEqual(
      Float32Array.from(latents.flatMap((values) => [...cutLatentValues(values, sides, depth)])),
    )
    placed.dispose()
  })

  it("cuts each example's control once for all steps", () => {
    const memo = createExampleMemo()
    const examples = [example(0), example(255)]
    LLLITE.place(ops, model, batch({ examples, memo })).dispose()
    const made: string[] = []
    const counting = {
      of: (one: CachedExample, what: string, make: () => Float32Array) =>
        memo.of(one, what, () => {
          made.push(what)
          return make()
        }),
    }
    LLLITE.place(ops, model, batch({ examples, memo: counting })).dispose()
    expect(made).toEqual([])
    LLLITE.place(ops, model, batch({ examples: [example(0)], memo: counting })).dispose()
    expect(made).toEqual([`control patches of depth ${site?.depth}`])
  })

  it("refuses a batch without an example", () => {
    expect(() => LLLITE.place(ops, model, batch({ examples: [] }))).toThrow("the batch has no example")
  })
})
