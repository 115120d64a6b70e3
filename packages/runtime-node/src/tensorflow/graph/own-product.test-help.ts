import { createStream } from "@lllite/core/random"
import type { FloatDtype } from "@lllite/format"
import { toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import type { TensorflowBinding } from "../binding.ts"
import { prepareTensorflowEnvironment } from "../environment.ts"
import { findTensorflow } from "../installation.ts"
import type { KernelsAddon } from "../kernels.ts"
import { kernelsBeside } from "../kernels.ts"
import type { TensorflowDevice, TfType } from "../ops/device.ts"
import { TF_TYPES } from "../ops/device.ts"
import type { Value } from "./graph.ts"
import type { ProductPlan } from "./own-product.ts"
import { productNode, windowsOf } from "./own-product.ts"

/** The instructions that our kernels are written for. */
export const INSTRUCTIONS = ["AVX-512", "AVX2"] as const

/** Our kernels on this machine, or why there are none. */
export function kernelsHere(): KernelsAddon | string {
  const { found } = findTensorflow()
  if (found === null) return "TensorFlow is missing. Type: lllite setup tensorflow"
  prepareTensorflowEnvironment()
  return kernelsBeside(found.binding)
}

/** A product as a test describes it, with a picture for a convolution. */
export interface Product {
  readonly samples?: number
  readonly tokens?: number
  readonly width: number
  readonly out: number
  readonly xColumns?: boolean
  readonly yColumns?: boolean
  readonly contractsRows?: boolean
  readonly xType?: "F32" | "BF16"
  readonly weightType?: FloatDtype & TfType
  readonly yType?: "F32" | "BF16"
  readonly hasBias?: boolean
  readonly hasAddend?: boolean
  /** A convolution, or its gradient. It takes the place of `tokens`. */
  readonly convolution?: Convolution
}

export interface Convolution {
  readonly picture: readonly [height: number, width: number]
  readonly places: readonly [height: number, width: number]
  readonly stride: number
  readonly top: number
  readonly left: number
  readonly isBack: boolean
}

/** Height and width of a convolution's result, without padding below and on the right. */
export function resultOf({ picture, places, stride, top, left }: Convolution): readonly [number, number] {
  const size = (axis: 0 | 1, padding: number): number =>
    Math.floor((picture[axis] + padding - places[axis]) / stride) + 1
  return [size(0, top), size(1, left)]
}

/** How far a result is from the sums of JavaScript, where 1 is what rounding explains. */
export function errorOf(product: Product, device: TensorflowDevice, binding: TensorflowBinding): number {
  const { plan, x, weight, bias, addend } = numbersOf(product)
  const { yType = "F32" } = product
  const given = [x, weight, bias, addend].filter((one) => one !== null)
  const handles = given.map(({ bytes, shape, type }) => device.upload(bytes, shape, type))
  const [vx, vw] = given.map(({ type, shape }, index) => inputOf(index, TF_TYPES[type], shape)) as [Value, Value]
  const vb = bias && inputOf(2, TF_TYPES.F32, bias.shape)
  const va = addend && inputOf(bias === null ? 2 : 3, TF_TYPES.F32, addend.shape)
  const shape = shapeOfResult(plan)
  const read = { x: vx, weight: vw, bias: vb, addend: va }
  const node = productNode(plan, read, { dtype: TF_TYPES[yType], shape }, false, binding)
  const ids = handles.map(({ id }) => id)
  try {
    const [output] = binding.executeOp(node.op, node.attributes, ids, 1)
    if (output === undefined || output.shape.join() !== shape.join()) return Number.POSITIVE_INFINITY
    const got = numbersIn(binding, output.id, yType)
    const { sums, sizes } = sumsOf(product, plan, [x.values, weight.values, bias?.values, addend?.values])
    let worst = 0
    for (const [i, sum] of sums.entries()) {
      const allowed = 1e-6 * (sizes[i] as number) + (yType === "BF16" ? 2 ** -8 * Math.abs(sum) : 0) + 1e-30
      const error = Math.abs((got[i] as number) - sum) / allowed
      worst = Math.max(error, worst)
    }
    return worst
  } finally {
    for (const handle of handles) handle.dispose()
  }
}

/** The values of a tensor of TensorFlow, which is deleted. */
export function numbersIn(binding: TensorflowBinding, id: number, type: "F32" | "BF16"): Float32Array {
  const typed = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value })
  const attributes = [
    typed("SrcT", TF_TYPES[type]),
    typed("DstT", TF_TYPES.F32),
    { name: "Truncate", type: binding.TF_ATTR_BOOL, value: false },
  ]
  const [cast] = binding.executeOp("Cast", attributes, [id], 1)
  if (cast === undefined) throw new Error("Cast gave nothing")
  const values = Float32Array.from(binding.tensorDataSync(cast.id))
  for (const one of new Set([id, cast.id])) binding.deleteTensor(one)
  return values
}

/** The plan of a product. */
export function planOf(product: Product): ProductPlan {
  const { samples = 1, tokens = 1, width, out, xColumns = false, yColumns = false, contractsRows = false } = product
  const { convolution } = product
  const orders = { samples, width, out, xColumns, yColumns, contractsRows }
  if (convolution === undefined) return { ...orders, tokens }
  const { picture, places, isBack } = convolution
  const result = resultOf(convolution)
  const { forward, back } = windowsOf(picture, result, places, convolution)
  const [height, across] = isBack ? picture : result
  return { ...orders, tokens: height * across, windows: isBack ? back : forward }
}

function shapeOfResult({ samples, tokens, out, yColumns }: ProductPlan): readonly number[] {
  return yColumns ? [samples, out, tokens] : [samples, tokens, out]
}

function inputOf(index: number, dtype: number, shape: readonly number[]): Value {
  return { kind: "input", index, type: { dtype, shape } }
}

interface Given {
  readonly bytes: Uint8Array
  readonly shape: readonly number[]
  readonly type: FloatDtype & ("F32" | "F16" | "BF16")
  /** As they are in 16 bits. */
  readonly values: Float32Array
}

/** Numbers for a product. */
function numbersOf(product: Product) {
  const { xType = "F32", weightType = "F32", hasBias = false, hasAddend = false, convolution } = product
  const plan = planOf(product)
  const given = (name: string, type: Given["type"], ...shape: readonly number[]): Given => {
    const all = createStream(5, name).normal(shape.reduce((size, one) => size * one, 1))
    const bytes = Uint8Array.from(fromFloat32(all, type))
    return { bytes, shape, type, values: toFloat32(bytes, type) }
  }
  const [height, across] = pixelsOf(convolution, plan.tokens)
  const places = convolution === undefined ? 1 : convolution.places[0] * convolution.places[1]
  return {
    plan,
    x: given("x", xType, plan.samples, height * across, plan.width),
    weight: given("weight", weightType, places, plan.width, plan.out),
    bias: hasBias ? given("bias", "F32", plan.out) : null,
    addend: hasAddend ? given("addend", "F32", plan.samples, plan.tokens, plan.out) : null,
  }
}

/** Pixels that a convolution reads. */
function pixelsOf(convolution: Convolution | undefined, tokens: number): readonly [number, number] {
  if (convolution === undefined) return [tokens, 1]
  return convolution.isBack ? resultOf(convolution) : convolution.picture
}

/** Pairs of tokens that read each other, with the place of the weight: [to, from, place]. */
function pairsOf(convolution: Convolution | undefined, tokens: number): readonly (readonly number[])[] {
  if (convolution === undefined) return Array.from({ length: tokens }, (_, i) => [i, i, 0])
  const { picture, places, stride, top, left, isBack } = convolution
  const [height, across] = resultOf(convolution)
  const pairs: number[][] = []
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < across; x++) {
      for (let place = 0; place < places[0] * places[1]; place++) {
        const fromY = y * stride - top + Math.floor(place / places[1])
        const fromX = x * stride - left + (place % places[1])
        if (fromY < 0 || fromX < 0 || fromY >= picture[0] || fromX >= picture[1]) continue
        const [result, source] = [y * across + x, fromY * picture[1] + fromX]
        pairs.push(isBack ? [source, result, place] : [result, source, place])
      }
    }
  }
  return pairs
}

/** x, the weight, and what is added. */
type Numbers = readonly [Float32Array, Float32Array, Float32Array | undefined, Float32Array | undefined]

/** Plain sums, and those of absolute values. */
function sumsOf({ convolution }: Product, plan: ProductPlan, [x, weight, bias, addend]: Numbers) {
  const { samples, tokens, width, out, xColumns, yColumns, contractsRows } = plan
  const [height, across] = pixelsOf(convolution, tokens)
  const pixels = height * across
  const sums = new Float64Array(samples * tokens * out)
  const sizes = new Float64Array(sums.length)
  const at = (sample: number, token: number, o: number): number =>
    yColumns ? (sample * out + o) * tokens + token : (sample * tokens + token) * out + o
  const pairs = pairsOf(convolution, tokens)
  const row = new Float64Array(width)
  for (let sample = 0; sample < samples; sample++) {
    for (const [to = 0, from = 0, place = 0] of pairs) {
      for (let k = 0; k < width; k++) {
        row[k] = x[xColumns ? (sample * width + k) * pixels + from : (sample * pixels + from) * width + k] as number
      }
      for (let o = 0; o < out; o++) {
        let [sum, size] = [0, 0]
        for (let k = 0; k < width; k++) {
          const w = weight[contractsRows ? (place * width + k) * out + o : (place * out + o) * width + k] as number
          const one = (row[k] as number) * w
          sum += one
          size += Math.abs(one)
        }
        const index = at(sample, to, o)
        sums[index] = (sums[index] as number) + sum
        sizes[index] = (sizes[index] as number) + size
      }
    }
    for (let token = 0; token < tokens; token++) {
      for (let o = 0; o < out; o++) {
        const index = at(sample, token, o)
        for (const one of [bias?.[o] ?? 0, addend?.[index] ?? 0]) {
          sums[index] = (sums[index] as number) + one
          sizes[index] = (sizes[index] as number) + Math.abs(one)
        }
      }
    }
  }
  return { sums, sizes }
}
