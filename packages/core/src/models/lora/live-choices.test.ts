import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { signal, weight as values } from "../../../reference/synthetic.ts"
import { loraFile, SMALL_CONFIGS, smallTarget } from "../../../test/small-lora.ts"
import { createComposedOps } from "../../ops/composed/index.ts"
import type { TapPlace } from "../taps.ts"
import { chainTaps, UNKNOWN_PASS } from "../taps.ts"
import { parseBlockWeights } from "./block-weights.ts"
import { isDora } from "./file-modules.ts"
import { type LiveLora, type LoraStrength, loadLiveLora, loraTap } from "./live-lora.ts"
import { loraTargetsOf } from "./targets.ts"

const ops = createComposedOps()
const UNET = "lora_unet_middle_block_1_proj_in"
const DEEP = "lora_unet_input_blocks_7_1_proj_in"
const TEXT1 = "lora_te1_text_model_encoder_layers_0_mlp_fc1"
const TEXT2 = "lora_te2_text_model_encoder_layers_0_mlp_fc1"
const NOWHERE: TapPlace = { ...UNKNOWN_PASS, grid: null }

const lowRank = (key: string, rank = 2) => {
  const { inDim, outDim } = smallTarget(key).layer
  return { lora_down: [rank, inDim], lora_up: [outDim, rank] }
}
const load = (keys: readonly string[], label = "a.safetensors"): Promise<LiveLora> =>
  loadLiveLora(
    ops.load,
    loraFile(label, Object.fromEntries(keys.map((key) => [key, lowRank(key)])), (name, shape) =>
      values(`${label} ${name}`, shape),
    ),
    SMALL_CONFIGS,
  )

/** What a tap adds to the output of a module's layer. */
function added(lora: LiveLora, key: string, use: LoraStrength = {}): number[] {
  return tf.tidy(() => {
    const { layer } = smallTarget(key)
    const x = tf.tensor(signal("x", [2, 3, layer.inDim]), [2, 3, layer.inDim])
    const y = tf.fill([2, 3, layer.outDim], 0.5)
    const [after] = loraTap(ops, lora, use).after?.([layer], [x], [y], NOWHERE) ?? []
    return [...tf.sub(after as tf.Tensor, y).dataSync()]
  })
}
const near = (found: readonly number[], wanted: readonly number[]): void => {
  expect(Math.max(...wanted.map(Math.abs))).toBeGreaterThan(1e-3)
  expect(Math.max(...found.map((value, i) => Math.abs(value - (wanted[i] as number))))).toBeLessThan(1e-5)
}
const times = (list: readonly number[], factor: number): number[] => list.map((value) => value * factor)

describe("the strength of a live LoRA", () => {
  it("acts on text as on the U-Net, or by a number of its own", async () => {
    const lora = await load([UNET, TEXT1, TEXT2])
    for (const key of [UNET, TEXT1, TEXT2]) {
      near(added(lora, key, { strength: -0.5 }), times(added(lora, key), -0.5))
      const factor = key === UNET ? 2 : 0.25
      near(added(lora, key, { strength: 2, textStrength: 0.25 }), times(added(lora, key), factor))
      near(added(lora, key, { textStrength: 3 }), times(added(lora, key), key === UNET ? 1 : 3))
    }
    expect(loraTap(ops, lora, { strength: 0, textStrength: 1 }).has(smallTarget(TEXT2).layer)).toBe(true)
    expect(loraTap(ops, lora, { strength: 1, textStrength: 0 }).has(smallTarget(TEXT1).layer)).toBe(false)
    expect(() => loraTap(ops, lora, { textStrength: Number.POSITIVE_INFINITY })).toThrow(
      "a.safetensors: strength is Infinity, expected a number",
    )
    lora.dispose()
  })

  it("is multiplied by the factor of the layer's block, text by that of the base", async () => {
    const lora = await load([UNET, DEEP, TEXT1])
    const blocks = { M00: 0.5, IN07: -1, BASE: 3 }
    near(added(lora, UNET, { strength: 2, blocks }), times(added(lora, UNET), 1))
    near(added(lora, DEEP, { strength: 2, blocks }), times(added(lora, DEEP), -2))
    near(added(lora, TEXT1, { strength: 2, blocks }), times(added(lora, TEXT1), 6))
    const tap = loraTap(ops, lora, { blocks: parseBlockWeights("INALL") })
    expect([UNET, DEEP, TEXT1].map((key) => tap.has(smallTarget(key).layer))).toEqual([false, true, true])
    lora.dispose()
  })

  it("stands in the key of what is read, with all its tensors", async () => {
    const lora = await load([UNET])
    const { layer } = smallTarget(UNET)
    const reads = (use: LoraStrength) => loraTap(ops, lora, use).reads?.(layer, NOWHERE, 1)
    expect(reads({ strength: 0.75 })).toEqual({
      key: "lora 0.75 ",
      reads: [...lora.modules.values()].flatMap(({ stages }) => stages),
      trained: [],
    })
    expect(reads({ strength: 0 })).toEqual({ key: "lora 0 ", reads: [], trained: [] })
    lora.dispose()
  })
})

describe("a live LoRA among others", () => {
  it("acts at its own layers alone, and adds to what another gives", async () => {
    const [first, second] = [await load([UNET], "first"), await load([UNET, DEEP], "second")]
    tf.tidy(() => {
      const layers = [UNET, DEEP].map((key) => smallTarget(key).layer)
      const [one, other] = layers.map(({ inDim, outDim }) => ({
        x: tf.tensor(signal("x", [2, 3, inDim]), [2, 3, inDim]),
        y: tf.fill([2, 3, outDim], 0.5),
      })) as [{ x: tf.Tensor; y: tf.Tensor }, { x: tf.Tensor; y: tf.Tensor }]
      const tap = chainTaps([loraTap(ops, first, { strength: 2 }), loraTap(ops, second)])
      const found = tap.after?.(layers, [one.x, other.x], [one.y, other.y], NOWHERE) ?? []
      const of = (i: number): number[] => [...tf.sub(found[i] as tf.Tensor, 0.5).dataSync()]
      near(
        of(0),
        times(added(first, UNET), 2).map((value, i) => value + (added(second, UNET)[i] as number)),
      )
      near(of(1), added(second, DEEP))
      const [same, changed] =
        loraTap(ops, first).after?.([...layers].reverse(), [other.x, one.x], [other.y, one.y], NOWHERE) ?? []
      expect(same).toBe(other.y)
      expect(changed).not.toBe(one.y)
    })
    first.dispose()
    second.dispose()
  })
})

describe("a LoRA's file", () => {
  it("has no two modules for one layer, under whichever names", async () => {
    const before = tf.memory().numTensors
    const other = "lora_unet_mid_block_attentions_0_proj_in"
    expect(loraTargetsOf(SMALL_CONFIGS).has(other)).toBe(true)
    await expect(load([UNET, other])).rejects.toThrow(
      `a.safetensors has two modules for the layer of "${other}", expected one`,
    )
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each(["oft_blocks", "oft_diag", "on_input"])("of another method (%s) is refused by the method", async (name) => {
    const file = loraFile("a", { [UNET]: { [name]: [2, 2] } }, (_, shape) => values("v", shape))
    await expect(loadLiveLora(ops.load, file, SMALL_CONFIGS)).rejects.toThrow("a is an adapter of OFT or IA3")
  })

  it.each([
    [
      { lora_unet_nowhere: { lora_up: [2, 2] } },
      'its first tensor is "lora_unet_nowhere.lora_up". Give a LoRA for SDXL.',
    ],
    [{}, 'its first tensor is "nothing"'],
  ])("without a layer of the SDXL is refused: %j", async (modules, message) => {
    const file = loraFile("a", modules, (_, shape) => values("v", shape))
    await expect(loadLiveLora(ops.load, file, SMALL_CONFIGS)).rejects.toThrow(message)
  })

  it("has floats, and is said to hold what is not used", async () => {
    const file = loraFile(
      "a",
      { [UNET]: lowRank(UNET), other: { lora_up: [2, 2] }, more: { lora_up: [2, 2] } },
      (name, shape) => values(name, shape),
    )
    const lora = await loadLiveLora(ops.load, file, SMALL_CONFIGS)
    expect(lora.notices).toEqual(['a: 2 tensors fit no layer and are not used, first "other.lora_up".'])
    expect(lora.label).toBe("a")
    lora.dispose()
    const name = `${UNET}.lora_up`
    file.entries.set(name, {
      ...file.entries.get(name),
      name,
      dtype: "I32",
      shape: [2, 2],
      read: async () => new Uint8Array(16),
    })
    await expect(loadLiveLora(ops.load, file, SMALL_CONFIGS)).rejects.toThrow(
      `"${name}" is I32, expected a dtype of floats`,
    )
  })

  it("tells a DoRA by one of its tensors", () => {
    const of = (tensor: string) => loraFile("a", { [UNET]: { lora_up: [1], [tensor]: [1] } }, () => new Float32Array(1))
    expect([isDora(of("dora_scale")), isDora(of("alpha"))]).toEqual([true, false])
    const named = loraFile("a", { other: { weight: [1] }, [UNET]: { dora_scale: [1] } }, () => new Float32Array(1))
    expect(isDora(named)).toBe(true)
    expect(() => isDora(null as never)).toThrow("LoRA: the file")
  })
})

describe("a DoRA", () => {
  const { outDim, inDim } = smallTarget(UNET).layer
  const name = "model.diffusion_model.middle_block.1.proj_in.weight"
  const dora = () =>
    loraFile("a", { [UNET]: { ...lowRank(UNET), dora_scale: [outDim, 1] } }, (tensor, shape) => values(tensor, shape))
  const baseOf = (dtype: "F32" | "I32" | null) => {
    const entry = { name, dtype: dtype ?? ("F32" as const), shape: [outDim, inDim] }
    const none = { label: "base", entries: new Map() }
    const read = async () => new Uint8Array(values("host", [outDim, inDim]).buffer)
    const entries = new Map(dtype === null ? [] : [[name, { ...entry, read }]])
    return { unet: { label: "base", entries }, text1: none, text2: none }
  }

  it("of rows without a bias scales its layer's output with what it adds", async () => {
    const lora = await loadLiveLora(ops.load, dora(), SMALL_CONFIGS, baseOf("F32"))
    const [module] = lora.modules.values()
    expect(module?.lengths).toMatchObject({ side: "out", bias: null })
    const { layer } = smallTarget(UNET)
    const tap = loraTap(ops, lora, { strength: 0.5 })
    expect(tap.before).toBeUndefined()
    const reads = tap.reads?.(layer, NOWHERE, 1)
    expect(reads?.key).toBe("lora 0.5 out")
    expect(reads?.reads).toEqual([...(module?.stages ?? []), module?.lengths?.change])
    tf.tidy(() => {
      const x = tf.tensor(signal("x", [1, 2, inDim]), [1, 2, inDim])
      const y = tf.tensor(signal("y", [1, 2, outDim]), [1, 2, outDim])
      const [found] = tap.after?.([layer], [x], [y], NOWHERE) ?? []
      const [down, up] = ["lora_down", "lora_up"].map((part) => {
        const shape = lowRank(UNET)[part as "lora_down"] as [number, number]
        return tf.tensor2d(values(`${UNET}.${part}`, shape), shape)
      }) as [tf.Tensor2D, tf.Tensor2D]
      const whole = tf.add(tf.tensor2d(values("host", [outDim, inDim]), [outDim, inDim]), tf.matMul(up, down))
      const lengths = tf.tensor1d(values(`${UNET}.dora_scale`, [outDim, 1]))
      const factors = tf.add(tf.mul(tf.sub(tf.div(lengths, tf.norm(whole, 2, 1)), 1), 0.5), 1)
      const plain = tf.matMul(tf.matMul(tf.reshape(x, [2, inDim]), down, false, true), up, false, true)
      const wanted = tf.mul(tf.add(tf.reshape(y, [2, outDim]), plain), factors)
      near([...(found as tf.Tensor).dataSync()], [...wanted.dataSync()])
    })
    lora.dispose()
  })

  it.each([
    ["I32" as const, "is I32, to which no DoRA can be added"],
    [null, "is missing, to which no DoRA can be added"],
  ])("is refused where its layer's weight is %s", async (dtype, message) => {
    const before = tf.memory().numTensors
    await expect(loadLiveLora(ops.load, dora(), SMALL_CONFIGS, baseOf(dtype))).rejects.toThrow(`"${name}" ${message}`)
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe("arguments of a live LoRA", () => {
  it("are a loader, a file, configs, ops and strengths", async () => {
    const lora = await load([UNET])
    const file = loraFile("a", { [UNET]: lowRank(UNET) }, (_, shape) => values("v", shape))
    await expect(loadLiveLora(null as never, file, SMALL_CONFIGS)).rejects.toThrow("LoRA: the loader")
    await expect(loadLiveLora(ops.load, null as never, SMALL_CONFIGS)).rejects.toThrow("LoRA: the file")
    await expect(loadLiveLora(ops.load, file, {} as never)).rejects.toThrow("LoRA: the configs")
    expect(() => loraTap(null as never, lora)).toThrow("LoRA: the ops")
    expect(() => loraTap(ops, {} as never)).toThrow("LoRA: the LoRA")
    expect(() => loraTap(ops, lora, 3 as never)).toThrow("LoRA: the strengths")
    lora.dispose()
  })
})

describe("the weight of a module", () => {
  const TE1 = "lora_te1_text_model_encoder_layers_0_"
  const TE2 = "lora_te2_text_model_encoder_layers_0_"
  const FIRST = "conditioner.embedders.0.transformer.text_model.encoder.layers.0."
  const SECOND = "conditioner.embedders.1.model.transformer.resblocks.0."
  it.each<[string, string, number]>([
    [UNET, "model.diffusion_model.middle_block.1.proj_in.weight", 0],
    [`${TE1}self_attn_k_proj`, `${FIRST}self_attn.k_proj.weight`, 0],
    [`${TE1}mlp_fc2`, `${FIRST}mlp.fc2.weight`, 0],
    [`${TE2}self_attn_q_proj`, `${SECOND}attn.in_proj_weight`, 0],
    [`${TE2}self_attn_k_proj`, `${SECOND}attn.in_proj_weight`, 8],
    [`${TE2}self_attn_v_proj`, `${SECOND}attn.in_proj_weight`, 16],
    [`${TE2}self_attn_out_proj`, `${SECOND}attn.out_proj.weight`, 0],
    [`${TE2}mlp_fc1`, `${SECOND}mlp.c_fc.weight`, 0],
    [`${TE2}mlp_fc2`, `${SECOND}mlp.c_proj.weight`, 0],
  ])("of %s is its own, or rows of a joined one", (key, weight, firstRow) => {
    expect(loraTargetsOf(SMALL_CONFIGS).get(key)).toMatchObject({ weight, firstRow })
  })
})
