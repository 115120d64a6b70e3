import type { GraphNode, Value } from "./graph.ts"

/** A layer norm over the last axis of a matrix. */
export interface LayerNorm {
  readonly x: Value
  readonly scale: Value
  readonly shift: Value
  readonly epsilon: number
}

/** The layer norm whose last op this node is: (x − mean) · rsqrt(mean((x − mean)²) + ε) · scale + shift. Null: none. */
export function layerNormOf(node: GraphNode): LayerNorm | null {
  const shifted = readsOf(node, "Add")
  const scaled = readsOf(shifted?.[0], "Mul")
  const normed = readsOf(scaled?.[0], "Mul")
  const centred = readsOf(normed?.[0], "Sub")
  const spread = readsOf(readsOf(normed?.[1], "Rsqrt")?.[0], "Add")
  const square = readsOf(readsOf(spread?.[0], "Mean")?.[0], "Square")
  if (shifted === null || scaled === null || centred === null || spread === null || square === null) return null
  const [x, mean] = centred as [Value, Value]
  const isOne = isSame(square[0], normed?.[0]) && isSame(readsOf(mean, "Mean")?.[0], x)
  const [scale, shift, epsilon] = [scaled[1], shifted[1], spread[1]] as [Value, Value, Value]
  const isRow = x.type.shape.length === 2 && scale.type.shape.length === 1 && shift.type.shape.length === 1
  if (!isOne || !isRow || mean.type.shape[1] !== 1 || epsilon.kind !== "constant") return null
  return { x, scale, shift, epsilon: new Float32Array(Uint8Array.from(epsilon.bytes).buffer)[0] as number }
}

/** The inputs of a node, or of the node that gives a value, if it is this op. */
function readsOf(from: GraphNode | Value | null | undefined, op: string): readonly Value[] | null {
  const node = from == null || "op" in from ? from : from.kind === "node" ? from.node : null
  if (node == null) return null
  return node.op === op || (op === "Add" && node.op === "AddV2") ? node.inputs : null
}

function isSame(a: Value | null | undefined, b: Value | null | undefined): boolean {
  if (a == null || b == null) return false
  return a === b || (a.kind === "node" && b.kind === "node" && a.node === b.node && a.output === b.output)
}
