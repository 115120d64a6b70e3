import { loraKey, type NetworkLayer, textBlockFigure } from "@lllite/format"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { weight } from "../../../reference/synthetic.ts"
import { createLowRank, type LowRank } from "../../../test/low-rank-tap.ts"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../../ops/ops.ts"
import { disposeParams } from "../../params.ts"
import type { BuildParams } from "../weight-reader.ts"
import { loadParams, shapesOf } from "../weight-reader.ts"
import type { TextEncoderConfig } from "./config.ts"
import { TEXT1_PREFIX, TEXT2_PREFIX } from "./config.ts"
import { encodeText } from "./text-encoder.ts"
import type { TextEncoderParams } from "./weights.ts"
import { buildText1, buildText2 } from "./weights.ts"

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
