import type { TensorflowBinding } from "../binding.ts"
import { TF_TYPES } from "../ops/device.ts"
import type { GraphNode, InputValue, Value, ValueType } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"

/** A part of a network and its backward pass as one graph. */
export interface JointGraph {
  /** The number of inputs. The last one is the gradient at y. */
  readonly inputCount: number
  readonly y: Value
  readonly gradients: readonly Value[]
}

/** A forward pass that keeps values, and the backward pass that reads them. */
export interface SplitGraph {
  /** y, then what is kept. Inputs are those of the joint graph. */
  readonly keep: readonly Value[]
  /** The gradients. Inputs are those of the joint graph, then what was kept. */
  readonly back: readonly Value[]
  readonly backInputCount: number
}

/** Ops whose result is computed again rather than kept, because they take less time than a product and read one tensor. */
const CHEAP: ReadonlySet<string> = new Set(["Reshape", "Transpose", "Cast", "Bitcast", "Slice", "SplitV"])

/** Splits a joint graph at y. Everything of the forward pass that the backward pass reads is kept, or cheap. */
export function splitGraph(
  { inputCount, y, gradients }: JointGraph,
  codes: Pick<TensorflowBinding, "TF_ATTR_TYPE">,
): SplitGraph {
  const isComputed = (node: GraphNode): boolean => node.isBack || isCheap(node)
  const kept: Value[] = []
  const inputsByNode = new Map<GraphNode, Map<number, Value>>()
  const rebuilt = new Map<GraphNode, GraphNode>()
  const keep = (value: Value & { readonly kind: "node" }): Value => {
    const known = inputsByNode.get(value.node) ?? new Map<number, Value>()
    inputsByNode.set(value.node, known)
    const before = known.get(value.output)
    if (before !== undefined) return before
    const carried = toCarried(value, codes)
    const input: InputValue = { kind: "input", index: inputCount + kept.length, type: carried.type }
    kept.push(carried)
    const read = fromCarried(input, value.type, codes)
    known.set(value.output, read)
    return read
  }
  const rebuild = (value: Value): Value => {
    if (value.kind !== "node") return value
    const { node, output } = value
    if (!isComputed(node)) return keep(value)
    return outputOf(rebuilt.get(node) as GraphNode, output)
  }
  for (const node of nodesOf(gradients, isComputed)) {
    rebuilt.set(node, { ...node, inputs: node.inputs.map(rebuild), isBack: true })
  }
  const back = gradients.map(rebuild)
  return { keep: [y, ...kept], back, backInputCount: inputCount + kept.length }
}

function isCheap({ op, inputs }: GraphNode): boolean {
  if (CHEAP.has(op)) return true
  // A product in 16 bits takes half of the memory of its sum with a bias.
  if (op === "AddV2" && isCastUp(inputs[0]) && inputs[1]?.type.shape.at(-1) === 1) return true
  return op === "Mul" && inputs.some(({ kind, type }) => kind === "constant" && type.shape.length === 0)
}

function isCastUp(value: Value | undefined): boolean {
  return value?.kind === "node" && value.node.op === "Cast" && isHalf((value.node.inputs[0] as Value).type)
}

/** tfjs has no tensors of 16-bit floats. So their bytes are carried. */
function toCarried(value: Value, codes: Pick<TensorflowBinding, "TF_ATTR_TYPE">): Value {
  if (!isHalf(value.type)) return value
  return bitcast(value, { dtype: TF_TYPES.U8, shape: [...value.type.shape, 2] }, codes)
}

function fromCarried(value: Value, type: ValueType, codes: Pick<TensorflowBinding, "TF_ATTR_TYPE">): Value {
  return isHalf(type) ? bitcast(value, type, codes) : value
}

function isHalf({ dtype }: ValueType): boolean {
  return dtype === TF_TYPES.BF16 || dtype === TF_TYPES.F16
}

function bitcast(value: Value, to: ValueType, { TF_ATTR_TYPE }: Pick<TensorflowBinding, "TF_ATTR_TYPE">): Value {
  const attributes = [
    { name: "T", type: TF_ATTR_TYPE, value: value.type.dtype },
    { name: "type", type: TF_ATTR_TYPE, value: to.dtype },
  ]
  return outputOf({ op: "Bitcast", attributes, inputs: [value], outputs: [to], isBack: false })
}
