import type { OpAttribute, TensorflowBinding } from "../binding.ts"
import { TF_TYPES } from "../ops/device.ts"
import type { ConstantValue, GraphNode, Value, ValueType } from "./graph.ts"
import { outputOf } from "./graph.ts"

export type BuilderCodes = Pick<TensorflowBinding, "TF_ATTR_TYPE" | "TF_ATTR_BOOL">

/** Whether each of a product's two inputs is transposed. */
export type Flags = readonly [first: boolean, second: boolean]

/** Makes nodes of a graph. Shapes are derived from the inputs. */
export interface NodeBuilder {
  /** The op of a node on other inputs, with a first output of the same type and another shape. */
  like(from: GraphNode, inputs: readonly Value[], shape: readonly number[]): Value
  /** x + y, where y may have axes of size 1. */
  add(x: Value, y: Value, isBack: boolean): Value
  cast(value: Value, dtype: number, isBack: boolean): Value
  reshape(value: Value, shape: readonly number[], isBack: boolean): Value
  transpose(value: Value, order: readonly number[], isBack: boolean): Value
  /** A product of matrices, or of batches of matrices. Beside a batch, a matrix is the same for all of it. */
  product(inputs: readonly [Value, Value], flags: Flags, isBack: boolean): Value
}

export function nodeBuilder({ TF_ATTR_TYPE, TF_ATTR_BOOL }: BuilderCodes): NodeBuilder {
  const typed = (name: string, value: number): OpAttribute => ({ name, type: TF_ATTR_TYPE, value })
  const flag = (name: string, value: boolean): OpAttribute => ({ name, type: TF_ATTR_BOOL, value })
  const node = (
    op: string,
    inputs: readonly Value[],
    { shape, isBack }: { readonly shape: readonly number[]; readonly isBack: boolean },
    attributes: readonly OpAttribute[] = [],
  ): Value => {
    const { dtype } = (inputs[0] as Value).type
    return outputOf({ op, inputs, attributes: [typed("T", dtype), ...attributes], outputs: [{ dtype, shape }], isBack })
  }
  const reshape: NodeBuilder["reshape"] = (value, shape, isBack) => {
    if (isSameShape(value.type.shape, shape)) return value
    return node("Reshape", [value, int32([shape.length], shape)], { shape, isBack }, [typed("Tshape", TF_TYPES.I32)])
  }
  return {
    like: (from, inputs, shape) =>
      outputOf({ ...from, inputs, outputs: [{ ...(from.outputs[0] as ValueType), shape: [...shape] }] }),
    add: (x, y, isBack) => node("AddV2", [x, y], { shape: x.type.shape, isBack }),
    cast(value, dtype, isBack) {
      if (value.type.dtype === dtype) return value
      const attributes = [typed("SrcT", value.type.dtype), typed("DstT", dtype)]
      const type = { dtype, shape: value.type.shape }
      return outputOf({ op: "Cast", inputs: [value], attributes, outputs: [type], isBack })
    },
    reshape,
    transpose(value, order, isBack) {
      const shape = order.map((axis) => value.type.shape[axis] as number)
      return node("Transpose", [value, int32([order.length], order)], { shape, isBack }, [typed("Tperm", TF_TYPES.I32)])
    },
    product(inputs, flags, isBack) {
      const rank = Math.max(...inputs.map(({ type }) => type.shape.length))
      const [a, b] = inputs.map((one) => {
        const missing = Array<number>(rank - one.type.shape.length).fill(1)
        return reshape(one, [...missing, ...one.type.shape], isBack)
      }) as [Value, Value]
      const batch = a.type.shape.slice(0, -2).map((size, axis) => Math.max(size, b.type.shape[axis] as number))
      const rows = a.type.shape.at(flags[0] ? -1 : -2) as number
      const columns = b.type.shape.at(flags[1] ? -2 : -1) as number
      const [op, first, second] =
        rank === 2 ? ["MatMul", "transpose_a", "transpose_b"] : ["BatchMatMulV2", "adj_x", "adj_y"]
      const attributes = [flag(first as string, flags[0]), flag(second as string, flags[1])]
      return node(op as string, [a, b], { shape: [...batch, rows, columns], isBack }, attributes)
    },
  }
}

/** A constant of whole numbers. */
export function int32(shape: readonly number[], values: readonly number[]): ConstantValue {
  const bytes = new Uint8Array(Int32Array.from(values).buffer)
  return { kind: "constant", type: { dtype: TF_TYPES.I32, shape: [...shape] }, bytes }
}

/** The whole numbers of a constant. Null: the value is not such a constant. */
export function wholeNumbersOf(value: Value | undefined): Int32Array | null {
  if (value?.kind !== "constant" || value.type.dtype !== TF_TYPES.I32) return null
  return new Int32Array(Uint8Array.from(value.bytes).buffer)
}

/** Whether a node's attribute is true. */
export function flagOf({ attributes }: GraphNode, name: string): boolean {
  return attributes.find((one) => one.name === name)?.value === true
}

export function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}
