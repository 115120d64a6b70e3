import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { signal, weight as values } from "../../../reference/synthetic.ts"
import { loraFile, SMALL_CONFIGS, smallTarget } from "../../../test/small-lora.ts"
import { createComposedOps } from "../../ops/composed/index.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { runTapped, UNKNOWN_PASS } from "../taps.ts"
import { loadLiveLora, loraTap } from "./live-lora.ts"
import type { LoraTensor } from "./module-delta.ts"
import { mergedWeight } from "./module-delta.ts"
import type { LoraTensorName } from "./module-names.ts"

const ops = createComposedOps()
const configs = SMALL_CONFIGS
const LINEAR = "lora_unet_middle_block_1_proj_in"
const CONV = "lora_unet_input_blocks_3_0_op"

type Tensors = Partial<Record<LoraTensorName, readonly number[]>>

const layerOf = (key: string) => smallTarget(key).layer

const fileOf = (modules: Readonly<Record<string, Tensors>>) =>
  loraFile("a.safetensors", modules, (name, shape) =>
    name.endsWith(".alpha") ? Float32Array.of(3) : values(name, shape),
  )

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

/** A layer's output with a DoRA beside it, with the DoRA merged into its weight, and without. */
async function doraOutputs(
  key: string,
  tensors: Tensors,
  strength: number,
): Promise<readonly [live: Float32Array, merged: Float32Array, plain: Float32Array]> {
  const before = tf.memory().numTensors
  const { part, weight: name, firstRow, layer } = smallTarget(key)
  const { inDim, outDim, kernel, stride } = layer
  const isConv = layer.kind === "conv"
  const sides = isConv ? [kernel, kernel] : []
  // Rows of other layers lie before the layer's own in a weight that joins several.
  const host = values("host", [firstRow + outDim, inDim, ...sides])
  const bias = values("bias", [firstRow + outDim])
  const entry = (name: string, shape: readonly number[], data: Float32Array): [string, WeightEntry] => [
    name,
    { name, dtype: "F32", shape, read: async () => new Uint8Array(data.buffer) },
  ]
  const own = {
    label: "base",
    entries: new Map([
      entry(name, [firstRow + outDim, inDim, ...sides], host),
      entry(name.replace(/weight$/, "bias"), [firstRow + outDim], bias),
    ]),
  }
  const none = { label: "base", entries: new Map() }
  const base = { unet: none, text1: none, text2: none, [part]: own }
  const lora = await loadLiveLora(ops.load, fileOf({ [key]: tensors }), configs, base)
  const module = new Map(
    Object.entries(tensors).map(([name, shape]): [LoraTensorName, LoraTensor] => [
      name as LoraTensorName,
      { shape, values: name === "alpha" ? Float32Array.of(3) : values(`${key}.${name}`, shape) },
    ]),
  )
  const shape = [outDim, inDim, ...sides]
  const weight = host.slice((firstRow * host.length) / (firstRow + outDim))
  const merged = await mergedWeight(key, { shape, values: weight }, module, strength)
  const result = tf.tidy(() => {
    const xShape = isConv ? [2, 6, 8, inDim] : [2, 5, inDim]
    const x = tf.tensor(signal("x", xShape), xShape)
    const run = (read: tf.Tensor, own: Float32Array): tf.Tensor => {
      const kernels = tf.tensor(own, shape)
      const sum = isConv
        ? tf.conv2d(
            tf.pad(read as tf.Tensor4D, [
              [0, 0],
              [1, 1],
              [1, 1],
              [0, 0],
            ]),
            tf.transpose(kernels, [2, 3, 1, 0]) as tf.Tensor4D,
            stride,
            "valid",
          )
        : tf.reshape(tf.matMul(tf.reshape(read, [-1, inDim]), kernels as tf.Tensor2D, false, true), [2, 5, outDim])
      return tf.add(sum, tf.tensor1d(bias.slice(firstRow)))
    }
    const tap = loraTap(ops, lora, { strength })
    const [live] = runTapped(tap, [layer], x, { ...UNKNOWN_PASS, grid: null }, (_, read) => run(read, weight))
    const values = (y: tf.Tensor): Float32Array => y.dataSync<"float32">()
    return [values(live as tf.Tensor), values(run(x, merged)), values(run(x, weight))] as const
  })
  lora.dispose()
  expect(tf.memory().numTensors).toBe(before)
  return result
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

  const TEXT_OUT = "lora_te2_text_model_encoder_layers_0_self_attn_v_proj"
  const up = { lora_down: [3, inDim], lora_up: [outDim, 3], alpha: [] }
  const kernel = { lora_down: [3, conv.inDim, 3, 3], lora_up: [conv.outDim, 3, 1, 1] }
  it.each<[string, string, Tensors, number]>([
    ["rows", LINEAR, { ...up, dora_scale: [outDim, 1] }, 1],
    ["rows, without an axis", LINEAR, { ...up, dora_scale: [outDim] }, -0.7],
    ["columns", LINEAR, { ...up, dora_scale: [1, inDim] }, 0.4],
    ["rows of a convolution", CONV, { ...kernel, dora_scale: [conv.outDim, 1, 1, 1] }, 0.6],
    ["columns of a convolution", CONV, { ...kernel, dora_scale: [1, conv.inDim, 1, 1] }, 1],
    ["rows of joined weights", TEXT_OUT, { lora_down: [2, 8], lora_up: [8, 2], dora_scale: [8, 1] }, 0.5],
    ["rows of a LoKr", LINEAR, { lokr_w1: [4, 4], lokr_w2: [outDim / 4, inDim / 4], dora_scale: [outDim, 1] }, 1],
  ])("gives what a DoRA over %s gives when it is merged", async (_, key, tensors, strength) => {
    const [live, merged, plain] = await doraOutputs(key, tensors, strength)
    const size = Math.max(...merged.map(Math.abs))
    expect(Math.max(...plain.map((value, i) => Math.abs(value - (merged[i] as number))))).toBeGreaterThan(0.01 * size)
    expect(live.length).toBe(merged.length)
    expect(Math.max(...live.map((value, i) => Math.abs(value - (merged[i] as number))))).toBeLessThan(5e-6 * size)
  })

  it("refuses NaN by the name of its tensor, and frees what it had loaded", async () => {
    const { inDim, outDim } = layerOf(LINEAR)
    const file = fileOf({ [LINEAR]: { lora_down: [4, inDim], lora_up: [outDim, 4] } })
    const [name = ""] = [...file.entries.keys()].filter((key) => key.includes("lora_up"))
    const shape = [outDim, 4]
    const data = values(name, shape)
    data[5] = Number.NaN
    file.entries.set(name, { name, dtype: "F32", shape, read: async () => new Uint8Array(data.buffer) })
    const before = tf.memory().numTensors
    await expect(loadLiveLora(ops.load, file, configs)).rejects.toThrow(
      `a.safetensors: value 5 of "${name}" is NaN, expected a finite number`,
    )
    expect(tf.memory().numTensors).toBe(before)
  })

  it("refuses a DoRA without the weights of its SDXL, and frees what it had loaded", async () => {
    const plain = { lora_down: [2, inDim], lora_up: [outDim, 2] }
    const text = "lora_te1_text_model_encoder_layers_0_mlp_fc1"
    const dora = { lora_down: [2, 8], lora_up: [32, 2], dora_scale: [1, 8] }
    const before = tf.memory().numTensors
    const loading = loadLiveLora(ops.load, fileOf({ [LINEAR]: plain, [text]: dora }), configs)
    await expect(loading).rejects.toMatchObject({ code: "lora-base" })
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
