import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import { unetOf } from "../models/layouts/parts.ts"
import { inferUnetConfig } from "../models/unet/config.ts"
import { loadUnet } from "../models/unet/weights.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import type { Ops } from "../ops/ops.ts"
import { registerGradients } from "../ops/register-gradients.ts"
import { disposeParams } from "../params.ts"
import { measureShortened } from "./measure-shortened.ts"
import { outlineFile, sdxlOutline } from "./sdxl-outline.ts"
import { deepBlocks, shortenedUnet, withOneBlock } from "./shortened-unet.ts"

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
  await registerGradients()
})

const sdxlUnet = async (): Promise<WeightFile> => unetOf(await sdxlOutline("BF16"))

/** SDXL's U-Net with a tenth of the channels. */
async function narrowUnet(): Promise<WeightFile> {
  const narrow = (length: number): number => (length % 320 === 0 ? length / 10 : length)
  const { entries } = await sdxlUnet()
  const shapes = [...entries].map(([name, { shape }]) => [name, shape.map(narrow)] as const)
  return outlineFile("narrow", new Map(shapes), "F32")
}

const valuesOf = ({ entries }: WeightFile): number =>
  [...entries.values()].reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0)

describe("a shortened U-Net", () => {
  it("has three blocks of each of SDXL's deep transformers", async () => {
    const unet = await sdxlUnet()
    const short = shortenedUnet(unet)
    expect([deepBlocks(unet), deepBlocks(unet, 3), deepBlocks(unet, 1), deepBlocks(short)]).toEqual([60, 18, 6, 18])
    expect(inferUnetConfig(short).layout).toMatchObject({ transformerDepth: [0, 2, 3], middleDepth: 3 })
    expect(valuesOf(short) / valuesOf(unet)).toBeCloseTo(0.43, 2)
    expect(short.entries.values().next().value?.dtype).toBe("BF16")
  })

  it("shares its weights with one of a single block", async () => {
    const long = await loadUnet(shortenedUnet(await narrowUnet()), ops.load)
    const one = withOneBlock(long)
    expect(one.config.layout).toMatchObject({ transformerDepth: [0, 2, 1], middleDepth: 1 })
    const depths = [...one.inputBlocks, one.middle, ...one.outputBlocks].flatMap(({ parts }) =>
      parts.flatMap((part) => (part.kind === "transformer" ? [part.blocks.length] : [])),
    )
    expect(depths).toEqual([2, 2, 1, 1, 1, 1, 1, 1, 2, 2, 2])
    expect(one.outConv).toBe(long.outConv)
    disposeParams(long)
  })
})

describe("the time of a step of a deep U-Net", () => {
  const task = { kind: "train", width: 64, height: 64, lllite: { condDim: 16, mlpDim: 16 } } as const

  it("is measured without its weights", async () => {
    const seconds = await measureShortened(ops, await narrowUnet(), task)
    expect(seconds).toBeGreaterThan(0)
  })

  it("is not measured this way where no transformer is deep", async () => {
    const { label, entries } = await narrowUnet()
    const flat = [...entries].filter(([name]) => !/transformer_blocks\.[1-9]/.test(name))
    expect(await measureShortened(ops, { label, entries: new Map(flat) }, task)).toBeNull()
  })

  it("stops when it is told to", async () => {
    const stop = new AbortController()
    let pauses = 0
    const pause = async (): Promise<void> => {
      pauses += 1
      if (pauses === 3) stop.abort(new Error("stopped"))
    }
    const run = measureShortened(ops, await narrowUnet(), task, { signal: stop.signal, pause })
    await expect(run).rejects.toThrow("stopped")
    expect(pauses).toBe(3)
  })
})
