import type { NetworkLayer } from "@lllite/format"
import { unetTable } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal, weight } from "../../../reference/synthetic.ts"
import { loadSynthetic } from "../../../reference/weights.ts"
import { apart } from "../../../test/apart.ts"
import { createLowRank, type LowRank } from "../../../test/low-rank-tap.ts"
import { countedBlocks, disposeResiduals, residualsOf } from "../../../test/small-unet-parts.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import { startWasm } from "../../../test/wasm.ts"
import { checkBlocks } from "../../../testing/blocks-contract.ts"
import type { Ops } from "../../ops/ops.ts"
import { disposeParams } from "../../params.ts"
import { chainTaps } from "../taps.ts"
import { shapesOf, type WeightFile } from "../weight-reader.ts"
import { composedBlocks } from "./block-verbs.ts"
import { inferUnetConfig, UNET_PREFIX, unetWidths, vectorDimOf } from "./config.ts"
import type { UnetParams } from "./params.ts"
import type { UnetInput } from "./unet.ts"
import { unet } from "./unet.ts"
import type { Residuals } from "./walk.ts"
import { buildUnet, loadUnet } from "./weights.ts"

const { layers } = unetTable(SMALL_UNET.layout, unetWidths(SMALL_UNET))
const products = layers.filter(({ kind }) => kind !== "norm")

let ops: Ops
let params: UnetParams
let input: UnetInput
beforeAll(async () => {
  ops = await startWasm()
  params = await loadSynthetic("a U-Net", buildUnet(SMALL_UNET), ops.load)
  input = inputOf(SMALL_UNET.inChannels)
})
afterAll(() => {
  disposeParams(params)
  tf.dispose([input.latents, input.context, input.vector])
})

function inputOf(channels: number): UnetInput {
  const { contextDim } = SMALL_UNET
  const vectorDim = vectorDimOf(SMALL_UNET)
  return {
    latents: tf.tensor4d(signal("latents", [2, 8, 8, channels]), [2, 8, 8, channels]),
    timesteps: [999, 20],
    context: tf.tensor3d(signal("context", [2, 7, contextDim]), [2, 7, contextDim]),
    vector: tf.tensor2d(signal("vector", [2, vectorDim]), [2, vectorDim]),
  }
}

/** A file of synthetic weights, with the products of a low-rank tap merged into them. */
async function fileOf(config = SMALL_UNET, lowRank?: LowRank): Promise<WeightFile> {
  const byName = new Map(products.map((layer) => [`${UNET_PREFIX}${layer.path}.weight`, layer as NetworkLayer]))
  const shapes = await shapesOf(buildUnet(config))
  return {
    label: "synthetic",
    entries: new Map(
      [...shapes].map(([name, shape]) => {
        const layer = byName.get(name)
        const delta = layer === undefined ? null : (lowRank?.delta(layer) ?? null)
        const values = weight(name, shape).map((value, i) => value + (delta?.[i] ?? 0))
        return [name, { name, dtype: "F32", shape, read: async () => new Uint8Array(values.buffer) }]
      }),
    ),
  }
}

describe("a tap after the layers", () => {
  it("with low-rank products equals merged weights, at every layer", async () => {
    const before = tf.memory().numTensors
    const lowRank = createLowRank(products)
    expect(lowRank.leaves).toHaveLength(2 * products.length)
    const merged = await loadUnet(await fileOf(SMALL_UNET, lowRank), ops.load)
    const [plain, tapped, wanted] = [
      unet(ops, params, input),
      unet(ops, params, input, { tap: lowRank.tap }),
      unet(ops, merged, input),
    ]
    expect(apart(tapped, wanted)).toBeLessThan(1e-5)
    expect(apart(plain, wanted)).toBeGreaterThan(1e-2)
    tf.dispose([plain, tapped, wanted])
    disposeParams(merged)
    lowRank.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("is called once for layers that read the same x, and never for norms", () => {
    const asked: string[][] = []
    tf.tidy(() => {
      unet(ops, params, input, {
        tap: {
          has: () => true,
          before: (layers, x) => {
            asked.push(layers.map(({ path }) => path))
            return layers.map(() => x)
          },
        },
      })
    })
    expect(asked.flat().sort()).toEqual(products.map(({ path }) => path).sort())
    const block = "middle_block.1.transformer_blocks.0"
    expect(asked).toContainEqual(["q", "k", "v"].map((name) => `${block}.attn1.to_${name}`))
    expect(asked).toContainEqual([`${block}.attn2.to_q`])
    expect(asked).toContainEqual(["k", "v"].map((name) => `${block}.attn2.to_${name}`))
  })

  it("gets the input that another tap changed before the layer", () => {
    const before = { has: () => true, before: (_: unknown, x: Tensor) => [tf.mul(x, 2)] }
    const seen: Tensor[] = []
    const after = {
      has: ({ path }: NetworkLayer) => path === "out.2",
      after: (_: unknown, xs: readonly Tensor[], ys: readonly Tensor[]) => {
        seen.push(...xs.map((x) => tf.keep(x.clone())))
        return ys
      },
    }
    const only = { ...before, has: after.has }
    tf.tidy(() => void unet(ops, params, input, { tap: after }))
    tf.tidy(() => void unet(ops, params, input, { tap: chainTaps([after, only]) }))
    const [plain, doubled] = seen as [Tensor, Tensor]
    expect(apart(tf.mul(plain, 2), doubled)).toBeLessThan(1e-6)
    tf.dispose(seen)
  })
})

describe("residuals", () => {
  it("of zero change nothing, and all others change the prediction", async () => {
    const plain = unet(ops, params, input)
    const zeros = residualsOf(0)
    const same = unet(ops, params, input, { residuals: zeros })
    expect(await same.data()).toEqual(await plain.data())
    const all = residualsOf(0.5)
    const none: Residuals = { skips: all.skips.map(() => null), middle: null }
    for (const i of all.skips.keys()) {
      const one: Residuals = { ...none, skips: all.skips.map((skip, k) => (k === i ? skip : null)) }
      const changed = unet(ops, params, input, { residuals: one })
      expect(apart(changed, plain)).toBeGreaterThan(1e-4)
      changed.dispose()
    }
    const middle = unet(ops, params, input, { residuals: { ...none, middle: all.middle } })
    expect(apart(middle, plain)).toBeGreaterThan(1e-4)
    expect(() => unet(ops, params, input, { residuals: { skips: [], middle: null } })).toThrow("0 residuals")
    tf.dispose([plain, same, middle])
    disposeResiduals(zeros)
    disposeResiduals(all)
  })
})

describe("a U-Net for inpainting", () => {
  it("reads nine channels and predicts four, as its file says", async () => {
    const file = await fileOf({ ...SMALL_UNET, inChannels: 9 })
    expect(inferUnetConfig(file)).toMatchObject({ inChannels: 9, outChannels: 4 })
    const inpainting = await loadUnet(file, ops.load)
    const wide = inputOf(9)
    const prediction = unet(ops, inpainting, wide)
    expect(prediction.shape).toEqual([2, 8, 8, 4])
    expect(() => unet(ops, inpainting, input)).toThrow("expected 9 channels last")
    tf.dispose([prediction, wide.latents, wide.context, wide.vector])
    disposeParams(inpainting)
  })
})

describe("the contract of blocks", () => {
  it("is kept by blocks that delegate, forward, kept and back", async () => {
    const calls = { forward: 0, keep: 0, back: 0 }
    const results = await checkBlocks(ops, countedBlocks(calls))
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    expect(calls).toEqual({ forward: 19, keep: 19, back: 19 })
  })

  it("finds a wrong value, a wrong gradient and a leak", async () => {
    const results = await checkBlocks(ops, {
      forward: (...read) => tf.tidy(() => tf.mul(composedBlocks.forward(...read), 1.001)),
      keep: (...read) => {
        tf.zeros([1])
        return composedBlocks.keep(...read)
      },
      back: (...read) => composedBlocks.back(...read).map((slope) => tf.tidy(() => tf.mul(slope, 0.999))),
    })
    const wrong = results.filter(({ ok }) => !ok).map((result) => result.case)
    expect(wrong).toContain("middle: forward, value")
    expect(wrong).toContain("middle: back, slope at x")
    expect(wrong).toContain("middle: tensors left behind")
    expect(wrong).not.toContain("middle: keep, value")
  })
})
