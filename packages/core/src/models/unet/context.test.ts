import type { NetworkLayer } from "@lllite/format"
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { syntheticFile } from "../../../reference/weights.ts"
import { apart } from "../../../test/apart.ts"
import { named, openSmallUnet, type UnetWithInput } from "../../../test/small-unet-input.ts"
import { timestepEmbedding } from "../../diffusion/size-embedding.ts"
import type { LinearWeight, Ops } from "../../ops/ops.ts"
import { NO_TAP, type Tap } from "../taps.ts"
import { inferUnetConfig, UNET_PREFIX } from "./config.ts"
import type { AttentionParams, UnetParams } from "./params.ts"
import { layersOfBlock, placesOf } from "./params.ts"
import { createTextKeyCache, textKeysTogether } from "./text-keys.ts"
import { textLayers } from "./text-regions.ts"
import { disposeContext, embedConditions, enterUnet, type UnetInput, unet } from "./unet.ts"
import { buildUnet } from "./weights.ts"

let small: UnetWithInput
let ops: Ops
let params: UnetParams
let input: UnetInput
beforeAll(async () => {
  small = await openSmallUnet()
  ;({ ops, params, input } = small)
})
afterAll(() => small.dispose())

describe("layers that a runtime computes together", () => {
  /** Ops whose `linearEach` notes the layers' rows. */
  function joining(calls: { x: Tensor; rows: readonly number[] }[]): Ops {
    return {
      ...ops,
      linearEach: (x: Tensor, weights: readonly LinearWeight[]) => {
        const ys = weights.map((weight) => ops.linear(x, weight))
        calls.push({ x, rows: ys.map((y) => y.shape.at(-1) ?? 0) })
        return ys
      },
    }
  }
  const isEmbedding = ({ rows }: { rows: readonly number[] }): boolean => rows.length > 5
  const resCount = (): number =>
    [...params.inputBlocks, params.middle, ...params.outputBlocks].flatMap(({ parts }) =>
      parts.filter(({ kind }) => kind === "res"),
    ).length

  it("are all shifts of a pass by the embedding, in the order of their widths", () => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const calls: { x: Tensor; rows: readonly number[] }[] = []
      const y = unet(joining(calls), params, input)
      expect(apart(y, unet(ops, params, input))).toBeLessThan(1e-6)
      const shifts = calls.filter(isEmbedding)
      expect(shifts).toHaveLength(1)
      const rows = shifts[0]?.rows ?? []
      expect(rows).toHaveLength(resCount())
      expect(rows).toEqual([...rows].sort((a, b) => a - b))
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  it("are not those where a tap acts", () => {
    tf.tidy(() => {
      const calls: { x: Tensor; rows: readonly number[] }[] = []
      const tap: Tap = {
        has: ({ path }) => path === "input_blocks.4.0.emb_layers.1" || path.endsWith("attn2.to_v"),
        after: (_, __, ys) => ys.map((y) => tf.mul(y, 3)),
      }
      const y = unet(joining(calls), params, input, { tap })
      expect(apart(y, unet(ops, params, input, { tap }))).toBeLessThan(1e-6)
      expect(apart(y, unet(ops, params, input))).toBeGreaterThan(1e-3)
      expect(calls.filter(isEmbedding).map(({ rows }) => rows.length)).toEqual([resCount() - 1])
    })
  })

  it("are none on a tape, and none where parts run as one", () => {
    tf.tidy(() => {
      const calls: { x: Tensor; rows: readonly number[] }[] = []
      tf.grad((latents: Tensor) => unet(joining(calls), params, { ...input, latents: latents as Tensor4D }))(
        input.latents,
      )
      expect(calls.filter(isEmbedding)).toEqual([])
      const runPart: NonNullable<Ops["runPart"]> = ({ x, run }) => run(x)
      unet({ ...joining(calls), runPart }, params, input)
      expect(calls.filter(isEmbedding)).toEqual([])
    })
  })

  it("are keys and values of one text, unless a tap acts on one of them", () => {
    tf.tidy(() => {
      const { context } = input
      const attentions = [...params.inputBlocks, params.middle].flatMap(({ parts }) =>
        parts.flatMap((part) => (part.kind === "transformer" ? part.blocks.map((b) => b.crossAttention) : [])),
      )
      const made = textKeysTogether({ ops: joining([]), tap: NO_TAP, context }, attentions)
      expect(made?.size).toBe(attentions.length)
      for (const attention of attentions) {
        const found = made?.get(attention)
        expect(found?.keys.dataSync()).toEqual(ops.linear(context, attention.k.weight).dataSync())
        expect(found?.values.dataSync()).toEqual(ops.linear(context, attention.v.weight).dataSync())
      }
      expect(textKeysTogether({ ops, tap: NO_TAP, context }, attentions)).toBeNull()
      const last = attentions.at(-1) as AttentionParams
      const tap: Tap = { has: (layer) => layer === last.v.layer }
      expect(textKeysTogether({ ops: joining([]), tap, context }, attentions)).toBeNull()
    })
  })
})

describe("keys and values that are kept", () => {
  it("are made once for each attention, outlive their scope, and are freed together", () => {
    const before = tf.memory().numTensors
    const cache = createTextKeyCache()
    const [one, other] = [{}, {}] as unknown as [AttentionParams, AttentionParams]
    let made = 0
    const make = () => {
      made += 1
      return { keys: tf.fill([1, 1, 1], made) as Tensor3D, values: tf.fill([1, 1, 1], -made) as Tensor3D }
    }
    const at = (attention: AttentionParams): number[] => {
      const { keys, values } = tf.tidy(() => {
        const found = cache.at(attention, make)
        return { keys: tf.keep(found.keys), values: found.values }
      })
      return [keys, values].map((x) => x.dataSync()[0] as number)
    }
    expect([at(one), at(other), at(one), at(other)]).toEqual([
      [1, -1],
      [2, -2],
      [1, -1],
      [2, -2],
    ])
    expect(tf.memory().numTensors).toBe(before + 4)
    cache.dispose()
    expect(tf.memory().numTensors).toBe(before)
    expect(at(one)).toEqual([3, -3])
    cache.dispose()
  })
})

describe("the context of the blocks", () => {
  it("has the embedding of both conditions, and is freed as a whole", () => {
    const before = tf.memory().numTensors
    const joined: Ops = {
      ...ops,
      linearEach: (x, weights) => weights.map((weight) => ops.linear(x, weight)),
      narrow: (x) => tf.clone(x),
    }
    const on = enterUnet(joined, params, input, {})
    expect(on.made).toEqual([on.context])
    expect(on.context).not.toBe(input.context)
    expect(on.headDim).toBe(64)
    expect(tf.memory().numTensors).toBeGreaterThan(before)
    disposeContext(on)
    expect(tf.memory().numTensors).toBe(before)
    const plain = enterUnet(ops, params, input, {})
    // The text stays its owner's.
    expect([plain.context, plain.made, plain.shifts]).toEqual([input.context, [], null])
    disposeContext(plain)
    expect(tf.memory().numTensors).toBe(before)
  })

  it("is SiLU of the time's and the size's embedding, and of what is added", () => {
    tf.tidy(() => {
      const mlp = (x: Tensor, [first, second]: UnetParams["timeEmbedding"]): Tensor =>
        ops.linear(ops.silu(ops.linear(x, first.weight)), second.weight)
      const waves = tf.tensor([...timestepEmbedding(999, 32), ...timestepEmbedding(20, 32)], [2, 32])
      const sum = tf.add(mlp(waves, params.timeEmbedding), mlp(input.vector, params.sizeEmbedding))
      const added = named("added", [1, 128])
      expect(apart(embedConditions(ops, params, input, 32), ops.silu(sum))).toBeLessThan(1e-6)
      expect(apart(embedConditions(ops, params, input, 32, { added }), ops.silu(tf.add(sum, added)))).toBeLessThan(1e-6)
      const other = { ...input, waves: tf.mul(waves, 2) as Tensor2D }
      const doubled = tf.add(mlp(other.waves, params.timeEmbedding), mlp(input.vector, params.sizeEmbedding))
      expect(apart(embedConditions(ops, params, other, 32), ops.silu(doubled))).toBeLessThan(1e-6)
    })
  })

  it("has taps at the four layers of its embedding, without a grid", () => {
    tf.tidy(() => {
      const seen: [string, unknown][] = []
      const tap: Tap = {
        has: ({ path }: NetworkLayer) => /^(time_embed|label_emb)/.test(path),
        after(layers, _, ys, { grid }) {
          for (const { path } of layers) seen.push([path, grid])
          return ys.map((y) => tf.mul(y, 2))
        },
      }
      const found = embedConditions(ops, params, input, 32, { tap })
      const twice = (x: Tensor): Tensor => tf.mul(x, 2)
      const mlp = (x: Tensor, [first, second]: UnetParams["timeEmbedding"]): Tensor =>
        twice(ops.linear(ops.silu(twice(ops.linear(x, first.weight))), second.weight))
      const waves = tf.tensor([...timestepEmbedding(999, 32), ...timestepEmbedding(20, 32)], [2, 32])
      const wanted = ops.silu(tf.add(mlp(waves, params.timeEmbedding), mlp(input.vector, params.sizeEmbedding)))
      expect(apart(found, wanted)).toBeLessThan(1e-6)
      expect(seen.sort()).toEqual([
        ["label_emb.0.0", null],
        ["label_emb.0.2", null],
        ["time_embed.0", null],
        ["time_embed.2", null],
      ])
    })
  })
})

describe("the config of a file", () => {
  const UNLIKE = {
    layout: { modelChannels: 32, channelMult: [1, 3, 2], transformerDepth: [2, 0, 3], middleDepth: 1 },
    contextDim: 24,
    pooledDim: 10,
    headDim: 64,
    inChannels: 5,
    outChannels: 3,
  } as const

  it("has the widths and depths of every level", async () => {
    expect(inferUnetConfig(await syntheticFile(buildUnet(UNLIKE)))).toEqual(UNLIKE)
  })

  it.each([
    "input_blocks.0.0.weight",
    "input_blocks.1.0.out_layers.0.weight",
    "input_blocks.4.0.out_layers.0.weight",
    "input_blocks.7.0.out_layers.0.weight",
    "middle_block.1.transformer_blocks.0.attn2.to_k.weight",
    "label_emb.0.0.weight",
    "out.2.weight",
  ])("is not made without %s, which is named", async (name) => {
    const { label, entries } = await syntheticFile(buildUnet(UNLIKE))
    const cut = { label, entries: new Map([...entries].filter(([other]) => other !== UNET_PREFIX + name)) }
    expect(() => inferUnetConfig(cut)).toThrow(`holds no SDXL U-Net: "${UNET_PREFIX}${name}" is missing`)
  })
})

it("each text has keys, values and outputs of cross-attentions for itself", () => {
  const paths = [...textLayers(params)].map(({ path }) => path)
  expect(paths.every((path) => /attn2\.to_(k|v|out\.0)$/.test(path))).toBe(true)
  // One transformer block in each of two and three blocks of both levels, and one in the middle.
  expect(paths).toHaveLength(3 * (2 + 2 + 1 + 3 + 3))
})

it("a block's layers are those of its parts in order, each once", () => {
  const [, , , , block] = params.inputBlocks
  // A copy has not been asked before.
  const { layers, weights } = placesOf({ ...block } as object)
  expect(layersOfBlock({ ...block } as UnetParams["middle"])).toEqual(layers)
  // Beside them, three norms of tokens, two of the residual block, and one of the transformer.
  expect(weights).toHaveLength(layers.length + 6)
  expect(weights.every((weight) => typeof weight.dispose === "function")).toBe(true)
  const paths = layers.map(({ path }) => path.replace(/^input_blocks\.4\./, ""))
  expect(paths).toEqual([
    ...["0.in_layers.2", "0.emb_layers.1", "0.out_layers.3", "0.skip_connection", "1.proj_in"],
    ...["q", "k", "v", "out.0"].map((name) => `1.transformer_blocks.0.attn1.to_${name}`),
    ...["ff.net.0.proj", "ff.net.2"].map((name) => `1.transformer_blocks.0.${name}`),
    ...["q", "k", "v", "out.0"].map((name) => `1.transformer_blocks.0.attn2.to_${name}`),
    "1.proj_out",
  ])
})
