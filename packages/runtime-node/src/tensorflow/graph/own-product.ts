import type { OpAttribute, TensorflowBinding } from "../binding.ts"
import { TF_TYPES } from "../ops/device.ts"
import type { GraphNode, Value, ValueType } from "./graph.ts"

/** The op of `kernels/ops.cc`. */
export const OWN_PRODUCT = "LlliteProduct"

export type ProductCodes = Pick<TensorflowBinding, "TF_ATTR_TYPE" | "TF_ATTR_BOOL" | "TF_ATTR_INT">

/** Where the places of a window read a picture, down or across: (at · times + sign · place + shift) / over. */
export interface WindowAxis {
  readonly source: number
  readonly target: number
  readonly places: number
  readonly times: number
  readonly sign: 1 | -1
  readonly shift: number
  readonly over: number
}

/** The sizes and orders of a product of tokens with weights. See `kernels/product.h`. */
export interface ProductPlan {
  readonly samples: number
  /** Tokens of a sample. */
  readonly tokens: number
  readonly width: number
  readonly out: number
  /** Whether x is [samples, width, tokens], not [samples, tokens, width]. */
  readonly xColumns: boolean
  readonly yColumns: boolean
  /** Whether y is x W for W [width, out], not x Wᵀ for W [out, width]. */
  readonly contractsRows: boolean
  /** Down and across. Undefined: the tokens of x are those of y. */
  readonly windows?: readonly [WindowAxis, WindowAxis]
}

/** What a product reads. */
export interface ProductInputs {
  readonly x: Value
  readonly weight: Value
  /** [out]. */
  readonly bias: Value | null
  /** As y. It is added. */
  readonly addend: Value | null
}

/** A node of our own product. */
export function productNode(
  plan: ProductPlan,
  { x, weight, bias, addend }: ProductInputs,
  output: ValueType,
  isBack: boolean,
  codes: ProductCodes,
): GraphNode {
  const inputs = [x, weight, bias, addend].filter((value) => value !== null)
  const types = {
    T: x.type.dtype,
    W: weight.type.dtype,
    B: bias?.type.dtype ?? TF_TYPES.F32,
    A: addend?.type.dtype ?? TF_TYPES.F32,
    U: output.dtype,
  }
  const counts = { biases: bias === null ? 0 : 1, addends: addend === null ? 0 : 1 }
  const attributes = [...typeAttributes(types, codes), ...planAttributes(plan, counts, output.shape, codes)]
  return { op: OWN_PRODUCT, attributes, inputs, outputs: [output], isBack }
}

function typeAttributes(types: Readonly<Record<string, number>>, { TF_ATTR_TYPE }: ProductCodes): OpAttribute[] {
  return Object.entries(types).map(([name, value]) => ({ name, type: TF_ATTR_TYPE, value }))
}

function planAttributes(
  plan: ProductPlan,
  counts: { readonly biases: number; readonly addends: number },
  shape: readonly number[],
  { TF_ATTR_INT, TF_ATTR_BOOL }: ProductCodes,
): OpAttribute[] {
  const { samples, tokens, width, out } = plan
  const windows = (plan.windows ?? []).flatMap((axis) => [
    ...[axis.source, axis.target, axis.places],
    ...[axis.times, axis.sign, axis.shift, axis.over],
  ])
  const numbers = { ...counts, samples, tokens, width, out, shape: [...shape], windows }
  const flags = { x_columns: plan.xColumns, y_columns: plan.yColumns, contracts_rows: plan.contractsRows }
  return [
    ...Object.entries(numbers).map(([name, value]) => ({ name, type: TF_ATTR_INT, value })),
    ...Object.entries(flags).map(([name, value]) => ({ name, type: TF_ATTR_BOOL, value })),
  ]
}

/** The windows of a convolution, and of its gradient, which reads the pixels of the result. */
export function windowsOf(
  picture: readonly [height: number, width: number],
  result: readonly [height: number, width: number],
  places: readonly [height: number, width: number],
  { stride, top, left }: { readonly stride: number; readonly top: number; readonly left: number },
): { readonly forward: readonly [WindowAxis, WindowAxis]; readonly back: readonly [WindowAxis, WindowAxis] } {
  const forward = (axis: 0 | 1, padding: number): WindowAxis => {
    const sizes = { source: picture[axis], target: result[axis], places: places[axis] }
    return { ...sizes, times: stride, sign: 1, shift: -padding, over: 1 }
  }
  const back = (axis: 0 | 1, padding: number): WindowAxis => {
    const sizes = { source: result[axis], target: picture[axis], places: places[axis] }
    return { ...sizes, times: 1, sign: -1, shift: padding, over: stride }
  }
  return { forward: [forward(0, top), forward(1, left)], back: [back(0, top), back(1, left)] }
}
