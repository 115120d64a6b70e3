import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { signal, weight as values } from "../../reference/synthetic.ts"
import { syntheticFile } from "../../reference/weights.ts"
import { loraFile, SMALL_CONFIGS, SMALL_TEXT, smallTarget } from "../../test/small-lora.ts"
import { SMALL_UNET } from "../../test/synthetic-sdxl.ts"
import { buildText1, buildText2 } from "../models/clip/weights.ts"
import { loadLiveLora } from "../models/lora/live-lora.ts"
import { mergeLoras } from "../models/lora/merged-parts.ts"
import { runTapped, UNKNOWN_PASS } from "../models/taps.ts"
import { buildUnet } from "../models/unet/weights.ts"
import { createComposedOps } from "../ops/composed/index.ts"
import type { WeightEntry } from "../ops/weight-entry.ts"
import { lorasTap } from "./loras.ts"

const ops = createComposedOps()
const configs = SMALL_CONFIGS
const KEY = "lora_unet_middle_block_1_proj_in"

/** A LoRA of one module. */
function loraOf(label: string, shapes: Readonly<Record<string, readonly number[]>>) {
  return loraFile(label, { [KEY]: shapes }, (name, shape) => values(`${label} ${name}`, shape))
}

describe("several LoRAs", () => {
  it.each(["in", "out"] as const)("give what they give merged in order, after a DoRA over %s", async (side) => {
    const files = await syntheticFiles()
    const { layer, weight: name } = smallTarget(KEY)
    const { inDim, outDim } = layer
    const scale = side === "in" ? [1, inDim] : [outDim, 1]
    const dora = loraOf("dora", { lora_down: [3, inDim], lora_up: [outDim, 3], dora_scale: scale })
    const plain = loraOf("plain", { lora_down: [2, inDim], lora_up: [outDim, 2] })
    const merged = mergeLoras(files, [{ file: dora }, { file: plain, strength: 0.6 }]).files
    const matrix = async ({ entries }: typeof files.unet): Promise<tf.Tensor2D> => {
      const entry = entries.get(name) as WeightEntry
      const bytes = await entry.read()
      return tf.tensor2d(new Float32Array(bytes.slice().buffer), [outDim, inDim])
    }
    const x = tf.tensor(signal("x", [2, 5, inDim]), [2, 5, inDim])
    const run = (read: tf.Tensor, own: tf.Tensor2D): tf.Tensor =>
      tf.reshape(tf.matMul(tf.reshape(read, [-1, inDim]), own, false, true), [2, 5, outDim])
    const uses = [
      { lora: await loadLiveLora(ops.load, dora, configs, files) },
      { lora: await loadLiveLora(ops.load, plain, configs, files), strength: 0.6 },
    ]
    const host = await matrix(files.unet)
    const bias = await files.unet.entries.get(name.replace(/weight$/, "bias"))?.read()
    const shift = tf.tensor1d(new Float32Array((bias as Uint8Array).slice().buffer))
    const [live] = runTapped(lorasTap(ops, uses), [layer], x, { ...UNKNOWN_PASS, grid: null }, (_, read) =>
      tf.add(run(read, host), shift),
    )
    const wanted = tf.add(run(x, await matrix(merged.unet)), shift).dataSync<"float32">()
    const size = Math.max(...wanted.map(Math.abs))
    const got = (live as tf.Tensor).dataSync<"float32">()
    expect(Math.max(...got.map((value, i) => Math.abs(value - (wanted[i] as number))))).toBeLessThan(5e-6 * size)
  })
})

async function syntheticFiles() {
  const unet = await syntheticFile(buildUnet(SMALL_UNET))
  const text1 = await syntheticFile(buildText1(SMALL_TEXT))
  return { unet, vae: unet, text1, text2: await syntheticFile(buildText2({ ...SMALL_TEXT, projection: 8 })) }
}
