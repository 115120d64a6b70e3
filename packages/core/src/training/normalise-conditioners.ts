import type { SiteTensorName } from "@lllite/format"
import { checkArgument } from "../argument.ts"
import type { RgbImage } from "../image.ts"
import { expectRgb, imageToFloats } from "../image.ts"
import type { PatchForm } from "../models/lllite/conditioner.ts"
import { cutPatches, patchFormOf, patchKey } from "../models/lllite/conditioner.ts"
import { withHole } from "../models/lllite/hole.ts"
import { cutLatentValues, noControlLatents } from "../models/lllite/latent-patches.ts"
import type { AdapterPlan, LlliteModel } from "../models/lllite/layout.ts"
import { checkModel, tensorKey } from "../models/lllite/layout.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import { createStream } from "../random/stream.ts"
import { concatenate } from "./concatenate.ts"
import { drawHole } from "./drawn-hole.ts"

/** A control at the beginning of a run. */
export interface FirstControl extends RgbImage {
  /** The mean of the VAE's posterior for it, scaled, for an LLLite that reads latents. [H/8, W/8, 4]. Default: none */
  readonly latents?: Float32Array
}

/**
 * The most pixels of controls that are read, but always the first control. This is enough for a mean and a deviation.
 */
const MOST_PIXELS = 2 ** 20

/**
 * The most rows of patches from which the first layer is computed, apart from the rest of a token. More are passed over
 * evenly. The deviation of 8,192 numbers is right to a hundredth.
 */
const MOST_ROWS = 2 ** 13

/** A lower limit for the deviation, so that a constant channel is not scaled to infinity. */
const LEAST_DEVIATION = 1e-3

/**
 * Scales and shifts the convolutions of a new LLLite's conditioners, in place. Every channel of every layer then has
 * mean 0 and deviation 1 over these controls. With PyTorch's initialisation, a control changes the embedding little
 * against the part that all controls share. The adapters then have to learn first to react to the control. sd-scripts
 * has no such step. The trained file is an ordinary LLLite. A trunk is normalised once.
 * Source: Mishkin and Matas 2015, https://arxiv.org/abs/1511.06422.
 *
 * @throws CoreError if a control is smaller than one token of a site, or its latents are missing that an adapter reads
 */
export function normaliseConditioners(model: LlliteModel, controls: readonly FirstControl[]): void {
  checkModel("training", model)
  checkArgument("training: the controls", controls, "a list")
  for (const control of controls) {
    expectRgb(control)
    if (control.latents !== undefined)
      checkArgument("training: the control's latents", control.latents, "float32 values")
  }
  const slots = new Map(model.slots.map((slot) => [slot.key, slot]))
  const valuesOf = (plan: AdapterPlan, name: SiteTensorName): Float32Array | null => {
    const slot = slots.get(tensorKey(plan, name))
    return slot === undefined ? null : model.values.subarray(slot.offset, slot.offset + slot.size)
  }
  const patches = new Map<string, Float32Array>()
  const done = new Set<string>()
  for (const plan of model.adapters) {
    const form = patchFormOf(plan)
    const cut = patchKey(form)
    const first = tensorKey(plan, "conditioning1.0.weight")
    if (done.has(first)) continue
    done.add(first)
    const layers = (["conditioning1.0", "conditioning1.2", "conditioning1.4"] as const).flatMap((layer) => {
      const [weight, bias] = [valuesOf(plan, `${layer}.weight`), valuesOf(plan, `${layer}.bias`)]
      return weight === null || bias === null ? [] : [{ weight, bias }]
    })
    let rows = patches.get(cut) ?? someTokens(patchesOf(controls, form), layers)
    patches.set(cut, rows)
    for (const layer of layers) {
      rows = normaliseLayer(rows, layer)
      for (let i = 0; i < rows.length; i++) rows[i] = Math.max(0, rows[i] as number)
    }
  }
}

/** A convolution of a conditioner whose kernel is as wide as its stride. */
interface PatchLayer {
  /** [in, out] */
  readonly weight: Float32Array
  readonly bias: Float32Array
}

/** Rows of whole tokens, evenly from all: what a layer gives for rows in succession is one row of the next. */
function someTokens(rows: Float32Array, layers: readonly PatchLayer[]): Float32Array {
  const insOf = ({ weight, bias }: PatchLayer): number => weight.length / bias.length
  const [first] = layers
  if (first === undefined) return rows
  const token = layers.reduce(
    (values, layer, k) => (k === 0 ? values : (values * insOf(layer)) / (layers[k - 1]?.bias.length ?? 1)),
    insOf(first),
  )
  const tokens = rows.length / token
  const stride = Math.ceil(rows.length / insOf(first) / MOST_ROWS)
  if (stride <= 1) return rows
  const some = new Float32Array(Math.ceil(tokens / stride) * token)
  for (let t = 0; t < tokens; t += stride) some.set(rows.subarray(t * token, (t + 1) * token), (t / stride) * token)
  return some
}

/** The seed of the holes in the first controls. They are the same for every run. */
const HOLE_SEED = 0

/** The controls as rows for the first layer. Where a hole is read, each has one that is drawn. */
function patchesOf(controls: readonly FirstControl[], form: PatchForm): Float32Array {
  const holes = createStream(HOLE_SEED, "first holes")
  const parts: Float32Array[] = []
  let pixels = 0
  for (const [index, control] of controls.entries()) {
    if (pixels > 0 && pixels + control.width * control.height > MOST_PIXELS) break
    pixels += control.width * control.height
    const { width, height } = control
    if (form.input === "latent") {
      if (control.latents === undefined) throw noControlLatents("training")
      const sides = { width: width / VAE_FACTOR, height: height / VAE_FACTOR }
      parts.push(cutLatentValues(control.latents, sides, form.depth))
      continue
    }
    const images =
      form.channels === 4
        ? withHole(control, drawHole(control, holes, { index }))
        : { count: 1, width, height, data: imageToFloats(control) }
    parts.push(cutPatches(images, form).values)
  }
  return concatenate(parts)
}

/** Normalises a layer over its inputs, in place. Returns its outputs, [rows, out]. */
function normaliseLayer(input: Float32Array, { weight, bias }: PatchLayer): Float32Array {
  const outs = bias.length
  const ins = weight.length / outs
  const rows = input.length / ins
  const results = layerResults(input, weight, bias)
  const sums = new Float64Array(outs)
  const squares = new Float64Array(outs)
  for (let at = 0; at < results.length; at += outs) {
    for (let o = 0; o < outs; o++) {
      const y = results[at + o] as number
      sums[o] = (sums[o] as number) + y
      squares[o] = (squares[o] as number) + y * y
    }
  }
  const means = sums.map((sum) => sum / rows)
  const deviations = squares.map((square, o) => {
    const mean = means[o] as number
    return Math.max(LEAST_DEVIATION, Math.sqrt(Math.max(0, square / rows - mean * mean)))
  })
  for (let o = 0; o < outs; o++) {
    const [mean, deviation] = [means[o] as number, deviations[o] as number]
    for (let i = 0; i < ins; i++) weight[i * outs + o] = (weight[i * outs + o] ?? 0) / deviation
    bias[o] = ((bias[o] ?? 0) - mean) / deviation
  }
  const output = new Float32Array(results)
  for (let at = 0; at < output.length; at += outs) {
    for (let o = 0; o < outs; o++) {
      output[at + o] = ((output[at + o] as number) - (means[o] as number)) / (deviations[o] as number)
    }
  }
  return output
}

/**
 * A layer's results in float64, two rows by four columns at a time. The eight sums stay in registers, which takes half the
 * time of sums in memory. → [rows, out]
 */
function layerResults(input: Float32Array, weight: Float32Array, bias: Float32Array): Float64Array {
  const outs = bias.length
  const ins = weight.length / outs
  const x = new Float64Array(input)
  const w = new Float64Array(weight)
  const results = new Float64Array((input.length / ins) * outs)
  for (let from = 0, to = 0; from < x.length; from += 2 * ins, to += 2 * outs) {
    // The last of an odd number of rows is computed twice.
    const hasSecond = from + ins < x.length
    const second = hasSecond ? from + ins : from
    let o = 0
    for (; o + 4 <= outs; o += 4) {
      let a0 = bias[o] as number
      let a1 = bias[o + 1] as number
      let a2 = bias[o + 2] as number
      let a3 = bias[o + 3] as number
      let b0 = a0
      let b1 = a1
      let b2 = a2
      let b3 = a3
      for (let i = 0, at = o; i < ins; i++, at += outs) {
        const a = x[from + i] as number
        const b = x[second + i] as number
        const w0 = w[at] as number
        const w1 = w[at + 1] as number
        const w2 = w[at + 2] as number
        const w3 = w[at + 3] as number
        a0 += a * w0
        a1 += a * w1
        a2 += a * w2
        a3 += a * w3
        b0 += b * w0
        b1 += b * w1
        b2 += b * w2
        b3 += b * w3
      }
      results[to + o] = a0
      results[to + o + 1] = a1
      results[to + o + 2] = a2
      results[to + o + 3] = a3
      if (!hasSecond) continue
      results[to + outs + o] = b0
      results[to + outs + o + 1] = b1
      results[to + outs + o + 2] = b2
      results[to + outs + o + 3] = b3
    }
    for (; o < outs; o++) {
      for (let row = 0; row < (hasSecond ? 2 : 1); row++) {
        let sum = bias[o] as number
        for (let i = 0; i < ins; i++) sum += (x[from + row * ins + i] as number) * (w[i * outs + o] as number)
        results[to + row * outs + o] = sum
      }
    }
  }
  return results
}
