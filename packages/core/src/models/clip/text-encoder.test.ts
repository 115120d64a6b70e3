import { loraKey, type NetworkLayer, textBlockFigure } from "@lllite/format"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { weight } from "../../../reference/synthetic.ts"
import { syntheticFile } from "../../../reference/weights.ts"
import { createLowRank, type LowRank } from "../../../test/low-rank-tap.ts"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../../ops/ops.ts"
import { disposeParams } from "../../params.ts"
import type { BuildParams } from "../weight-reader.ts"
import { loadParams, shapesOf } from "../weight-reader.ts"
import type { TextEncoderConfig } from "./config.ts"
import { TEXT1_PREFIX, TEXT2_PREFIX } from "./config.ts"
import { encodeText, encodeTextSteps } from "./text-encoder.ts"
import type { TextEncoderParams } from "./weights.ts"
import { buildText1, buildText2, loadText1, loadText2 } from "./weights.ts"

const SHAPE = { width: 8, layers: 3, heads: 2, vocabulary: 20, positions: 7 }
const TEXT1: TextEncoderConfig = { ...SHAPE, activation: "quick-gelu", projection: null }
const TEXT2: TextEncoderConfig = { ...SHAPE, activation: "gelu", projection: 6 }
const TOKENS = [
  [1, 5, 7, 3, 19, 19, 19],
  [1, 2, 19, 19, 19, 19, 19],
]

/** The tensor of a checkpoint that holds a layer's weight, and which third of its rows. */
function placeOf({ network, path }: NetworkLayer): { readonly name: string; readonly part: number } {
  if (network === "text1") return { name: `${TEXT1_PREFIX}${path}.weight`, part: 0 }
  const [, block = "", layer = ""] = /^encoder\.layers\.(\d+)\.(.+)$/.exec(path) ?? []
  const root = `${TEXT2_PREFIX}transformer.resblocks.${block}`
  const joined = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"].indexOf(layer)
  if (joined >= 0) return { name: `${root}.attn.in_proj_weight`, part: joined }
  const names: Readonly<Record<string, string>> = {
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
  }
  return { name: `${root}.${names[layer]}.weight`, part: 0 }
}

async function load(
  ops: Ops,
  build: BuildParams<TextEncoderParams>,
  layers: readonly NetworkLayer[],
  lowRank?: LowRank,
): Promise<TextEncoderParams> {
  const values = new Map([...(await shapesOf(build))].map(([name, shape]) => [name, weight(name, shape)]))
  for (const layer of lowRank === undefined ? [] : layers) {
    const { name, part } = placeOf(layer)
    const [target, delta] = [values.get(name), lowRank?.delta(layer)]
    if (target === undefined || delta == null) throw new Error(`no ${name}`)
    delta.forEach((value, i) => {
      const at = part * delta.length + i
      target[at] = (target[at] as number) + value
    })
  }
  const entries = new Map(
    [...(await shapesOf(build))].map(([name, shape]) => {
      const read = async (): Promise<Uint8Array> => new Uint8Array((values.get(name) as Float32Array).slice().buffer)
      return [name, { name, dtype: "F32" as const, shape, read }]
    }),
  )
  return loadParams("a text encoder", { label: "synthetic", entries }, ops.load, build)
}

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
})

it.each([
  ["first", async (load: Ops["load"]) => loadText1(await syntheticFile(buildText1(TEXT1)), load, TEXT1)],
  ["second", async (load: Ops["load"]) => loadText2(await syntheticFile(buildText2(TEXT2)), load, TEXT2)],
] as const)("has its %s encoder loaded by the loader that never rounds to float16", async (_, loaded) => {
  const refuse = (): never => {
    throw new Error("this loader may round")
  }
  const params = await loaded({ linear: refuse, conv2d: refuse, norm: refuse, table: refuse, wide: ops.load })
  const { hidden, pooled } = encodeText(ops, params, TOKENS, 19)
  expect(hidden.shape).toEqual([2, 7, 8])
  tf.dispose([hidden, ...(pooled === null ? [] : [pooled])])
  disposeParams(params)
})

describe.each([
  ["text1", buildText1(TEXT1)],
  ["text2", buildText2(TEXT2)],
] as const)("a tap in %s", (network, build) => {
  const layers = Array.from({ length: SHAPE.layers }, (_, i) =>
    Object.values(textBlockFigure(network, i, SHAPE.width)),
  ).flat()

  const apart = (a: Tensor, b: Tensor): number =>
    tf.tidy(() => tf.div(tf.max(tf.abs(tf.sub(a, b))), tf.max(tf.abs(b))).dataSync()[0] as number)

  it("after the layers gives with low-rank products what merged weights give", async () => {
    const before = tf.memory().numTensors
    const lowRank = createLowRank(layers)
    const [base, merged] = [await load(ops, build, layers), await load(ops, build, layers, lowRank)]
    const encode = (params: TextEncoderParams, tap?: LowRank["tap"]): Tensor[] => {
      const { hidden, pooled } = encodeText(ops, params, TOKENS, 19, tap === undefined ? {} : { tap })
      return pooled === null ? [hidden] : [hidden, pooled]
    }
    const [plain, tapped, wanted] = [encode(base), encode(base, lowRank.tap), encode(merged)]
    expect(wanted).toHaveLength(network === "text1" ? 1 : 2)
    for (const [i, state] of wanted.entries()) {
      expect(apart(tapped[i] as Tensor, state)).toBeLessThan(1e-5)
      expect(apart(plain[i] as Tensor, state)).toBeGreaterThan(1e-3)
    }
    tf.dispose([plain, tapped, wanted])
    for (const params of [base, merged]) disposeParams(params)
    lowRank.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("before the queries alone lets keys and values read what they read", async () => {
    const params = await load(ops, build, layers)
    const q = layers[0] as NetworkLayer
    const asked: string[] = []
    const states = [0, 1].map((shift) =>
      encodeText(ops, params, TOKENS, 19, {
        tap: {
          has: ({ path }) => path === q.path,
          before: (asks, x) => {
            asked.push(...asks.map(({ path }) => path))
            return asks.map(({ path }) => (path === q.path ? tf.add(x, shift) : x))
          },
        },
      }),
    )
    expect(asked.slice(0, 3)).toEqual(["q", "k", "v"].map((name) => `encoder.layers.0.self_attn.${name}_proj`))
    const [same, moved] = states.map(({ hidden }) => hidden) as [Tensor3D, Tensor3D]
    const { hidden } = encodeText(ops, params, TOKENS, 19)
    // A separate product for each input rounds as the joined one does.
    expect(apart(same, hidden)).toBeLessThan(1e-6)
    expect(apart(moved, hidden)).toBeGreaterThan(1e-3)
    tf.dispose([hidden, ...states.flatMap(({ hidden, pooled }) => (pooled === null ? [hidden] : [hidden, pooled]))])
    disposeParams(params)
  })

  it("lets gradients through to its tensors", async () => {
    const params = await load(ops, build, layers)
    const lowRank = createLowRank(layers.slice(0, 6))
    const loss = (): tf.Scalar => tf.sum(tf.square(encodeText(ops, params, TOKENS, 19, { tap: lowRank.tap }).hidden))
    const gradients = tf.grads(loss)([...lowRank.leaves])
    for (const gradient of gradients) {
      expect(Math.max(...(await gradient.data()).map(Math.abs))).toBeGreaterThan(0)
    }
    tf.dispose(gradients)
    lowRank.dispose()
    disposeParams(params)
  })

  it("is called with layers whose keys a LoRA has", () => {
    const number = network === "text1" ? 1 : 2
    expect(loraKey(layers[0] as NetworkLayer)).toBe(`lora_te${number}_text_model_encoder_layers_0_self_attn_q_proj`)
  })
})

describe.each([
  ["text1", buildText1, TEXT1, `${TEXT1_PREFIX}embeddings.token_embedding.weight`],
  ["text2", buildText2, TEXT2, `${TEXT2_PREFIX}token_embedding.weight`],
] as const)("the states of %s", (network, build, config, tokenName) => {
  const positionName =
    network === "text1" ? `${TEXT1_PREFIX}embeddings.position_embedding.weight` : `${TEXT2_PREFIX}positional_embedding`
  const tokenValues = weight(tokenName, [SHAPE.vocabulary, SHAPE.width])
  const positionValues = weight(positionName, [SHAPE.positions, SHAPE.width])
  /** The embeddings of tokens at their places, by the tables. */
  const embedded = (rows: readonly (readonly number[])[], added = new Float32Array()): number[] =>
    rows.flatMap((row) =>
      row.flatMap((id, place) =>
        Array.from({ length: SHAPE.width }, (_, i) => {
          const { vocabulary, width } = SHAPE
          const token = id < vocabulary ? tokenValues[id * width + i] : added[(id - vocabulary) * width + i]
          return (token ?? Number.NaN) + (positionValues[place * width + i] ?? Number.NaN)
        }),
      ),
    )
  const hiddenOf = async (
    params: TextEncoderParams,
    rows: readonly (readonly number[])[],
    clipSkip?: number,
  ): Promise<{ readonly hidden: Float32Array; readonly pooled: Float32Array | null }> => {
    const before = tf.memory().numTensors
    const { hidden, pooled } = encodeText(ops, params, rows, 19, clipSkip === undefined ? {} : { clipSkip })
    expect(hidden.shape).toEqual([rows.length, rows[0]?.length, SHAPE.width])
    const values = { hidden: await hidden.data<"float32">(), pooled: (await pooled?.data<"float32">()) ?? null }
    tf.dispose([hidden, ...(pooled === null ? [] : [pooled])])
    expect(tf.memory().numTensors).toBe(before)
    return values
  }
  const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    expect(a).toHaveLength(b.length)
    return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))))
  }

  it("are those of the layer that is chosen from the end, and the pooled state is that of the last", async () => {
    const whole = await load(ops, build(config), [])
    const pooled = (await hiddenOf(whole, TOKENS)).pooled
    expect(pooled === null).toBe(network === "text1")
    for (let clipSkip = 1; clipSkip <= SHAPE.layers; clipSkip++) {
      // An encoder that ends with the chosen layer, with the same weights.
      const shorter = await load(ops, build({ ...config, layers: SHAPE.layers + 1 - clipSkip }), [])
      const states = await hiddenOf(whole, TOKENS, clipSkip)
      expect(distance(states.hidden, (await hiddenOf(shorter, TOKENS, 1)).hidden)).toBeLessThan(1e-6)
      expect(states.pooled).toEqual(pooled)
      disposeParams(shorter)
    }
    const [none, chosen] = [await hiddenOf(whole, TOKENS, SHAPE.layers + 1), await hiddenOf(whole, TOKENS)]
    expect(distance(none.hidden, embedded(TOKENS))).toBeLessThan(1e-6)
    expect(chosen).toEqual(await hiddenOf(whole, TOKENS, 2))
    for (const clipSkip of [0, SHAPE.layers + 2, 1.5]) {
      expect(() => encodeText(ops, whole, TOKENS, 19, { clipSkip })).toThrow(`clipSkip is ${clipSkip}, expected 1 to 4`)
    }
    disposeParams(whole)
  })

  it("have the vectors of textual inversions where their ids stand", async () => {
    const added = Float32Array.from({ length: 2 * SHAPE.width }, (_, i) => Math.sin(i))
    const params = { ...(await load(ops, build(config), [])), added }
    const rows = [
      [1, 21, 7, 20],
      [20, 2, 19, 19],
    ]
    const clipSkip = SHAPE.layers + 1
    expect(distance((await hiddenOf(params, rows, clipSkip)).hidden, embedded(rows, added))).toBeLessThan(1e-6)
    expect(distance((await hiddenOf(params, TOKENS, clipSkip)).hidden, embedded(TOKENS))).toBeLessThan(1e-6)
    disposeParams(params)
  })

  it("do not depend on later tokens, and the pooled state is that of the first end", async () => {
    const params = await load(ops, build(config), [])
    const [row, other] = [
      [1, 5, 19, 3, 19],
      [1, 5, 19, 8, 2],
    ]
    const [first, second] = [await hiddenOf(params, [row]), await hiddenOf(params, [other])]
    const same = 3 * SHAPE.width
    expect(distance(first.hidden.subarray(0, same), second.hidden.subarray(0, same))).toBeLessThan(1e-6)
    expect(distance(first.hidden.subarray(same), second.hidden.subarray(same))).toBeGreaterThan(1e-2)
    if (first.pooled !== null) {
      expect(distance(first.pooled, second.pooled ?? [])).toBeLessThan(1e-6)
      const last = await hiddenOf(params, [[1, 5, 4, 3, 19]])
      expect(distance(first.pooled, last.pooled ?? [])).toBeGreaterThan(1e-2)
    }
    disposeParams(params)
  })

  it("take a step for each layer that is needed, and leave nothing where the walk ends early", async () => {
    const params = await load(ops, build(config), [])
    const steps = (clipSkip: number): number => {
      const walk = encodeTextSteps(ops, params, TOKENS, 19, { clipSkip })
      let count = 0
      let next = walk.next()
      for (; next.done !== true; next = walk.next()) count += 1
      tf.dispose([next.value.hidden, ...(next.value.pooled === null ? [] : [next.value.pooled])])
      return count
    }
    // Without a pooled state, the layers after the chosen one are not needed.
    expect([1, 2, 3].map(steps)).toEqual(network === "text1" ? [3, 2, 1] : [3, 3, 3])
    const before = tf.memory().numTensors
    for (const clipSkip of [1, 3]) {
      for (let stopped = 1; stopped <= steps(clipSkip); stopped++) {
        const walk = encodeTextSteps(ops, params, TOKENS, 19, { clipSkip })
        for (let i = 0; i < stopped; i++) walk.next()
        walk.return(undefined as never)
        expect(tf.memory().numTensors).toBe(before)
      }
    }
    disposeParams(params)
  })

  it("refuse no tokens, and more than the encoder has positions", async () => {
    const params = await load(ops, build(config), [])
    expect(() => encodeText(ops, params, [], 19)).toThrow("0 tokens, expected 1 to 7")
    expect(() => encodeText(ops, params, [new Array(8).fill(1)], 19)).toThrow("8 tokens, expected 1 to 7")
    for (const end of [-1, 20, 0.5, Number.NaN]) {
      expect(() => encodeText(ops, params, TOKENS, end)).toThrow(
        `endToken is ${end}, expected a whole number from 0 to 19`,
      )
    }
    disposeParams(params)
  })
})
