import type { Tensor } from "@tensorflow/tfjs-core"
import type { GraphNode, Value } from "../graph/graph.ts"
import type { ProductPlan } from "../graph/own-product.ts"
import { productNode } from "../graph/own-product.ts"
import { convolution } from "../graph/own-products.ts"
import type { AttributeValue, Handle, TensorflowDevice } from "./device.ts"
import { TF_TYPES } from "./device.ts"

/**
 * Sizes from which our own product is as fast as TensorFlow's op with a float16 weight, or faster. Measured with
 * TensorFlow 2.21 on AVX-512 and AVX2, the latter with ONEDNN_MAX_CPU_ISA=AVX2: 1 to 4,096 tokens by 512 to 5,120
 * channels, and filters of 1 x 1 and 3 x 3 with 3 to 1,280 channels on pictures of 16 x 16 to 512 x 512.
 */
const LEAST_TOKENS = 16
const LEAST_CHANNELS = 256

/** A product that TensorFlow's ops compute, too. */
export interface MultiplyCall {
  /** `MatMul`, whose weight is the second factor, `Conv2D` or `Conv2DBackpropInput`. */
  readonly name: string
  readonly attributes: Readonly<Record<string, AttributeValue>>
  readonly x: Tensor
  readonly weight: Handle
  /** Of the result. */
  readonly shape: readonly number[]
}

/** Runs a product by our own op, which reads weights of every type as they lie. Null: TensorFlow's op is as fast. */
export function multiplyByOwn(device: TensorflowDevice, call: MultiplyCall): Tensor | null {
  const plan = call.name === "MatMul" ? matrixPlan(call) : convolutionPlan(call)
  if (plan === null) return null
  const { x, weight, shape } = call
  const inputs = { x: valueWith(0, x.shape, "F32"), weight: valueWith(1, weight.shape, weight.type) }
  const output = { dtype: TF_TYPES.F32, shape }
  return device.runNode(productNode(plan, { ...inputs, bias: null, addend: null }, output, false, device.codes), [
    x,
    weight,
  ])
}

function matrixPlan({ attributes, x, weight }: MultiplyCall): ProductPlan | null {
  const [tokens = 0] = x.shape
  if (tokens < LEAST_TOKENS) return null
  const [rows = 0, columns = 0] = weight.shape
  const contractsRows = attributes.transpose_b !== true
  const [width, out] = contractsRows ? [rows, columns] : [columns, rows]
  return { samples: 1, tokens, width, out, xColumns: false, yColumns: false, contractsRows }
}

function convolutionPlan({ name, attributes, x, weight, shape }: MultiplyCall): ProductPlan | null {
  const [height = 0, width = 0, inner = 0, out = 0] = weight.shape
  if (height * width === 1 || Math.min(inner, out) < LEAST_CHANNELS) return null
  const [read, filter] = [valueWith(0, x.shape, "F32"), valueWith(1, weight.shape, weight.type)]
  const node: GraphNode = {
    op: name,
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, type: 0, value })),
    inputs: name === "Conv2D" ? [read, filter] : [read, filter, read],
    outputs: [{ dtype: TF_TYPES.F32, shape }],
    isBack: false,
  }
  return convolution(node)?.plan ?? null
}

function valueWith(index: number, shape: readonly number[], type: Handle["type"]): Value {
  return { kind: "input", index, type: { dtype: TF_TYPES[type], shape } }
}
