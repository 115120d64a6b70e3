import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { signal, weight as values } from "../../../reference/synthetic.ts"
import { SMALL_UNET } from "../../../test/synthetic-sdxl.ts"
import { createComposedOps } from "../../ops/composed/index.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import type { TextEncoderConfig } from "../clip/config.ts"
import { UNKNOWN_PASS } from "../taps.ts"
import { loadLiveLora, loraTap } from "./live-lora.ts"
import type { LoraTensor } from "./module-delta.ts"
import { mergedWeight } from "./module-delta.ts"
import type { LoraTensorName } from "./module-names.ts"
import { loraTargetsOf } from "./targets.ts"

const ops = createComposedOps()
const TEXT: TextEncoderConfig = {
  ...{ width: 8, layers: 1, heads: 1, vocabulary: 9, positions: 77, projection: null },
  activation: "gelu",
}
const configs = { unet: SMALL_UNET, text1: TEXT, text2: TEXT }
const LINEAR = "lora_unet_middle_block_1_proj_in"
const CONV = "lora_unet_input_blocks_3_0_op"

type Tensors = Partial<Record<LoraTensorName, readonly number[]>>

const layerOf = (key: string) => {
  const layer = loraTargetsOf(configs).get(key)?.layer
  if (layer === undefined) throw new Error(`no layer "${key}"`)
  return layer
}

function fileOf(modules: Readonly<Record<string, Tensors>>) {
  const entries = new Map<string, WeightEntry>()
  for (const [key, tensors] of Object.entries(modules)) {
    for (const [tensor, shape] of Object.entries(tensors)) {
      const name = `${key}.${tensor}`
      const data = tensor === "alpha" ? Float32Array.of(3) : values(name, shape)
      entries.set(name, { name, dtype: "F32", shape, read: async () => new Uint8Array(data.buffer) })
    }
  }
  return { label: "a.safetensors", entries }
}

/** What the tap adds to a layer's output, and what a weight of zeros gives with the module merged into it. */
async function both(key: string, tensors: Tensors, strength: number): Promise<readonly [Float32Array, Float32Array]> {
  const layer = layerOf(key)
  const lora = await loadLiveLora(ops.load, fileOf({ [key]: tensors }), configs)
  const isConv = layer.kind === "conv"
  const x = tf.tensor(
    signal("x", isConv ? [2, 6, 8, layer.inDim] : [2, 5, layer.inDim]),
    isConv ? [2, 6, 8, layer.inDim] : [2, 5, layer.inDim],
  )
  const yShape = isConv ? [2, 6 / layer.stride, 8 / layer.stride, layer.outDim] : [2, 5, layer.outDim]
  const tap = loraTap(ops, lora, { strength })
  expect(tap.has(layer)).toBe(true)
  const [live] = tap.after?.([layer], [x], [tf.zeros(yShape)], { ...UNKNOWN_PASS, grid: null }) ?? []
  const shape = isConv ? [layer.outDim, layer.inDim, 3, 3] : [layer.outDim, layer.inDim]
  const module = new Map(
    Object.entries(tensors).map(([name, own]): [LoraTensorName, LoraTensor] => [
      name as LoraTensorName,
      { shape: own, values: name === "alpha" ? Float32Array.of(3) : values(`${key}.${name}`, own) },
    ]),
  )
  const zeros = { shape, values: new Float32Array(shape.reduce((size, side) => size * side, 1)) }
  const merged = tf.tensor(await mergedWeight(key, zeros, module, strength), shape)
  const wanted = isConv
    ? tf.conv2d(
        tf.pad(x as tf.Tensor4D, [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]),
        tf.transpose(merged, [2, 3, 1, 0]) as tf.Tensor4D,
        layer.stride,
        "valid",
      )
    : tf.matMul(tf.reshape(x, [-1, layer.inDim]), merged as tf.Tensor2D, false, true)
  lora.dispose()
  return [(live as tf.Tensor).dataSync<"float32">(), wanted.dataSync<"float32">()]
}

describe("a live LoRA", () => {
  const { inDim, outDim } = layerOf(LINEAR)
  const conv = layerOf(CONV)
  it.each<[string, string, Tensors]>([
    ["a LoRA", LINEAR, { lora_down: [4, inDim], lora_up: [outDim, 4], alpha: [] }],
    ["a LoRA in the shape of a convolution", LINEAR, { lora_down: [4, inDim, 1, 1], lora_up: [outDim, 4, 1, 1] }],
    ["a LoCon with a stride", CONV, { lora_down: [4, conv.inDim, 3, 3], lora_up: [conv.outDim, 4, 1, 1], alpha: [] }],
    [
      "a Tucker core",
      CONV,
      { lora_down: [4, conv.inDim, 1, 1], lora_mid: [4, 4, 3, 3], lora_up: [conv.outDim, 4, 1, 1] },
    ],
    [
      "a LoHa",
      LINEAR,
      { hada_w1_a: [outDim, 2], hada_w1_b: [2, inDim], hada_w2_a: [outDim, 2], hada_w2_b: [2, inDim], alpha: [] },
    ],
    ["a LoKr", LINEAR, { lokr_w1: [4, 4], lokr_w2: [outDim / 4, inDim / 4] }],
    ["a whole difference", CONV, { diff: [conv.outDim, conv.inDim, 3, 3] }],
  ])("adds what %s merged into the weights adds", async (_, key, tensors) => {
    const [live, merged] = await both(key, tensors, -0.7)
    const size = Math.max(...merged.map(Math.abs))
    expect(size).toBeGreaterThan(0.01)
    expect(live.length).toBe(merged.length)
    expect(Math.max(...live.map((value, i) => Math.abs(value - (merged[i] as number))))).toBeLessThan(2e-6 * size)
  })

  it("acts nowhere at strength 0, and not in blocks of weight 0", async () => {
    const modules = { lora_down: [2, inDim], lora_up: [outDim, 2] }
    const lora = await loadLiveLora(ops.load, fileOf({ [LINEAR]: modules }), configs)
    const layer = layerOf(LINEAR)
    expect(loraTap(ops, lora, { strength: 0 }).has(layer)).toBe(false)
    expect(loraTap(ops, lora, { blocks: { M00: 0 } }).has(layer)).toBe(false)
    expect(loraTap(ops, lora, { blocks: { IN04: 0 } }).has(layer)).toBe(true)
    expect(() => loraTap(ops, lora, { strength: Number.NaN })).toThrow("strength is NaN")
    lora.dispose()
  })

  it("refuses a DoRA, and frees what it had loaded", async () => {
    const plain = { lora_down: [2, inDim], lora_up: [outDim, 2] }
    const text = "lora_te1_text_model_encoder_layers_0_mlp_fc1"
    const dora = { lora_down: [2, 8], lora_up: [32, 2], dora_scale: [1, 8] }
    const before = tf.memory().numTensors
    const loading = loadLiveLora(ops.load, fileOf({ [LINEAR]: plain, [text]: dora }), configs)
    await expect(loading).rejects.toMatchObject({ code: "lora-merge" })
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each<[Tensors, string]>([
    [{ lora_down: [2, 3], lora_up: [outDim, 2] }, "has factors of [2, 3]"],
    [{ lora_down: [2, inDim], lora_up: [outDim, 3] }, "has factors of"],
    [{ lora_down: [2, inDim] }, 'has no "lora_up", and has lora_down'],
  ])("refuses %j, which does not fit its layer", async (tensors, message) => {
    await expect(loadLiveLora(ops.load, fileOf({ [LINEAR]: tensors }), configs)).rejects.toThrow(message)
  })
})
