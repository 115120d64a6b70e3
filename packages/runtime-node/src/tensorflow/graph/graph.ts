import type { OpAttribute } from "../binding.ts"

/** The number type of TensorFlow's C API (`TF_DataType`), and the shape. */
export interface ValueType {
  readonly dtype: number
  readonly shape: readonly number[]
}

/** A tensor that a graph reads: its input with this number, a constant, or the output of a node. */
export type Value = InputValue | ConstantValue | NodeValue

export interface InputValue {
  readonly kind: "input"
  readonly index: number
  readonly type: ValueType
}

export interface ConstantValue {
  readonly kind: "constant"
  readonly type: ValueType
  /** Values in row-major order, little-endian. */
  readonly bytes: Uint8Array
}

export interface NodeValue {
  readonly kind: "node"
  readonly node: GraphNode
  readonly output: number
  readonly type: ValueType
}

/** An op in a graph. */
export interface GraphNode {
  readonly op: string
  readonly attributes: readonly OpAttribute[]
  readonly inputs: readonly Value[]
  readonly outputs: readonly ValueType[]
  /** Whether it belongs to the backward pass. */
  readonly isBack: boolean
}

/** An output of a node. */
export function outputOf(node: GraphNode, output = 0): NodeValue {
  return { kind: "node", node, output, type: node.outputs[output] as ValueType }
}

/**
 * The nodes that values need, each after the nodes that it reads.
 *
 * @param isWanted nodes that are not wanted are left out, with everything that only they need
 */
export function nodesOf(
  values: readonly Value[],
  isWanted: (node: GraphNode) => boolean = () => true,
): readonly GraphNode[] {
  const found = new Set<GraphNode>()
  // A graph is as deep as it has ops. So the walk has its own stack.
  const open: { readonly node: GraphNode; next: number }[] = []
  const visit = (value: Value | undefined): void => {
    if (value?.kind === "node" && !found.has(value.node) && isWanted(value.node)) {
      open.push({ node: value.node, next: 0 })
    }
  }
  for (const value of values) {
    visit(value)
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (!found.has(top.node) && top.next < top.node.inputs.length) {
        visit(top.node.inputs[top.next++])
        continue
      }
      found.add(top.node)
      open.pop()
    }
  }
  return [...found]
}
