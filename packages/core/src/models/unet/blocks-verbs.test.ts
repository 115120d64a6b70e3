import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { syntheticFile } from "../../../reference/weights.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import { startWasm } from "../../../test/wasm.ts"
import { normal } from "../../../testing/small-unet.ts"
import type { Ops } from "../../ops/ops.ts"
import { disposeParams } from "../../params.ts"
import { NO_TAP, type Tap, UNKNOWN_PASS } from "../taps.ts"
import { loadParams } from "../weight-reader.ts"
import { type BlockContext, runBlock } from "./blocks.ts"
import type { UnetBlock, UnetParams } from "./params.ts"
import { createTextKeyCache } from "./text-keys.ts"
import { buildUnet } from "./weights.ts"

/** A transformer of two blocks, on a runtime that has joined verbs. What is asked of them is noted. */
describe("the joined verbs that a transformer asks for", () => {
  const GRID = { height: 2, width: 3 }
  const asked: string[] = []
  let params: UnetParams
  let block: UnetBlock
  let x: Tensor4D
  let base: BlockContext
  beforeAll(async () => {
    const ops = await startWasm()
    const config = { ...SMALL_UNET, layout: { ...SMALL_UNET.layout, transformerDepth: [0, 2, 2] } } as const
    const tree = buildUnet(config)
    params = await loadParams("a U-Net", await syntheticFile(tree), ops.load, tree)
    const found = params.inputBlocks[4] as UnetBlock
    block = { ...found, parts: found.parts.filter(({ kind }) => kind === "transformer") }
    x = normal("x", [2, GRID.height, GRID.width, 64])
    base = {
      ...{ ops: noted(ops), tap: NO_TAP, pass: UNKNOWN_PASS, headDim: 64 },
      ...{ embedding: tf.zeros([2, 128]), context: normal<Tensor3D>("context", [2, 5, SMALL_UNET.contextDim]) },
    }
  })
  afterAll(() => {
    disposeParams(params)
    tf.dispose([x, base.embedding, base.context])
  })
  beforeEach(() => {
    asked.length = 0
  })

  function noted(ops: Ops): Ops {
    return {
      ...ops,
      linearEach(x, weights) {
        asked.push(`${weights.length} layers of ${x.shape[x.rank - 1]} channels`)
        return weights.map((weight) => ops.linear(x, weight))
      },
      selfAttention([x0, x1, x2], [q, k, v], options) {
        asked.push("self-attention")
        const [queries, keys, values] = [ops.linear(x0, q), ops.linear(x1, k), ops.linear(x2, v)]
        return ops.attention(queries as Tensor3D, keys as Tensor3D, values as Tensor3D, options)
      },
      attention(q, k, v, options) {
        asked.push(`attention, ${options.keysGradient === false ? "no gradient" : "a gradient"} of keys`)
        return ops.attention(q, k, v, options)
      },
    }
  }

  const run = (changes: Partial<BlockContext>): readonly string[] => {
    runBlock({ ...base, ...changes }, block, x).dispose()
    return [...asked]
  }

  /** A tap that acts at the layers whose name ends so, and doubles what they read or give. */
  const doubling = (end: string, where: "before" | "after"): Tap => ({
    has: ({ path }) => path.endsWith(end),
    ...(where === "before"
      ? { before: (layers, x) => layers.map(({ path }) => (path.endsWith(end) ? tf.mul(x, 2) : x)) }
      : {
          after: (layers, _, ys) =>
            ys.map((y, i) => (layers[i]?.path.endsWith(end) === true ? tf.mul(y, 2) : tf.clone(y))),
        }),
  })

  const ONE_BLOCK = ["self-attention", "2 layers of 16 channels", "attention, a gradient of keys"]

  it("are the text's keys and values of each block, where everything may get a gradient", () => {
    expect(run({})).toEqual([...ONE_BLOCK, ...ONE_BLOCK])
  })

  it("are those of all blocks at once, where the text gets no gradient", () => {
    const own = ["self-attention", "attention, no gradient of keys"]
    expect(run({ isWhole: true })).toEqual(["4 layers of 16 channels", ...own, ...own])
  })

  it("are those of each block once, where they are kept", () => {
    const textKeys = createTextKeyCache()
    const first = run({ isWhole: true, textKeys })
    expect(first.filter((each) => each === "2 layers of 16 channels")).toHaveLength(2)
    asked.length = 0
    expect(run({ isWhole: true, textKeys }).filter((each) => each.includes("layers"))).toEqual([])
    textKeys.dispose()
  })

  it("are one by one where a tap acts on what a layer gives, and its keys then have a gradient", () => {
    expect(run({ tap: doubling("attn1.to_q", "after") })).not.toContain("self-attention")
    asked.length = 0
    const whole = run({ isWhole: true, tap: doubling("attn2.to_k", "before") })
    expect(whole.filter((each) => each.includes("layers"))).toEqual([])
    expect(whole.filter((each) => each.startsWith("attention"))).toEqual(Array(2).fill("attention, a gradient of keys"))
  })

  it("read what a tap before them gives, in every projection", () => {
    const values = (tap: Tap): readonly number[] => [...tf.tidy(() => runBlock({ ...base, tap }, block, x).dataSync())]
    const plain = values(NO_TAP)
    for (const end of ["attn1.to_q", "attn1.to_k", "attn1.to_v", "attn2.to_q", "attn2.to_k", "attn2.to_v"]) {
      for (const where of ["before", "after"] as const) {
        expect([end, where, values(doubling(end, where))]).not.toEqual([end, where, plain])
      }
    }
    // Doubling a linear layer's input and its output are the same, since these have no bias.
    expect(values(doubling("attn2.to_q", "before"))).toEqual(values(doubling("attn2.to_q", "after")))
  })
})
