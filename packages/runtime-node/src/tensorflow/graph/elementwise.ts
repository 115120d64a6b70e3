import { TF_TYPES } from "../ops/device.ts"
import type { Instruction, Layout, Operand, ProgramCodes, ProgramStep, Rows } from "./elementwise-program.ts"
import { isSum, programNode } from "./elementwise-program.ts"
import type { GraphNode, Value, ValueType } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"
import { flagOf, isSameShape, wholeNumbersOf } from "./node-builder.ts"

/** TensorFlow's ops that a program can have. */
const OPS: Readonly<Record<string, Instruction>> = {
  Add: "add",
  AddV2: "add",
  Sub: "subtract",
  Mul: "multiply",
  Square: "square",
  Neg: "negate",
  Rsqrt: "rsqrt",
  Erf: "erf",
  Exp: "exp",
  Sigmoid: "sigmoid",
  Relu: "relu",
  ReluGrad: "reluGradient",
  Sum: "sum",
  Mean: "mean",
}

/** Steps that are worth a program of their own. One op alone stays TensorFlow's. */
const FEWEST_STEPS = 2

/** Nodes that run as one. */
interface Cluster extends Rows {
  readonly members: Set<GraphNode>
}

/**
 * Joins ops on every number alone, and sums over rows, to programs. Each program reads and writes memory once. Norms,
 * activations, the softmax's gradient and sums of gradients become one node each.
 */
export function withPrograms(values: readonly Value[], codes: ProgramCodes): readonly Value[] {
  const clusters = clustersOf(values)
  const written = writtenSteps(values, clusters)
  const programs = new Map<Cluster, GraphNode>()
  const places = new Map<GraphNode, number>()
  const done = new Map<GraphNode, GraphNode>()

  const renewed = (value: Value): Value => {
    if (value.kind !== "node") return value
    const cluster = clusters.get(value.node)
    if (cluster === undefined) return outputOf(renewedNode(value.node), value.output)
    const program = programs.get(cluster) ?? make(cluster)
    return outputOf(program, places.get(value.node) as number)
  }
  const renewedNode = (node: GraphNode): GraphNode => {
    const before = done.get(node)
    if (before !== undefined) return before
    const now = { ...node, inputs: node.inputs.map(renewed) }
    done.set(node, now)
    return now
  }
  const make = (cluster: Cluster): GraphNode => {
    const members = [...cluster.members]
    const inputs = new Map<string, { readonly value: Value; readonly layout: Layout; readonly index: number }>()
    const constants: number[] = []
    const keys = new Map<Value | GraphNode, number>()
    const keyOf = (value: Value): string => {
      const key = value.kind === "node" ? value.node : value
      const number = keys.get(key) ?? keys.size
      keys.set(key, number)
      return `${number}:${value.kind === "node" ? value.output : 0}`
    }
    const operandOf = (value: Value, output: ValueType): Operand => {
      const constant = scalarOf(value)
      if (constant !== null) return { kind: "constant", index: constants.push(constant) - 1 }
      const inner = memberOf(value, cluster)
      if (inner !== null) return { kind: "step", index: members.indexOf(inner) }
      const layout = layoutOf(value.type, output, cluster) as Layout
      const key = `${keyOf(value)} ${layout.rowsEach} ${layout.isWide}`
      const { index } = inputs.get(key) ?? { index: inputs.size }
      inputs.set(key, { value, layout, index })
      return { kind: "input", index }
    }
    const steps = members.map((node): ProgramStep => {
      const instruction = OPS[node.op] as Instruction
      const spread = spreadOf(node)
      const operands = operandsOf(node).map((value) => operandOf(value, spread))
      return {
        instruction,
        operands: operands as [Operand] | [Operand, Operand],
        isNarrow: isNarrow(node, cluster),
      }
    })
    const outputs = members.flatMap((node, step) => {
      if (!written.has(node)) return []
      const [type] = node.outputs as readonly [ValueType]
      return [{ step, node, shape: type.shape }]
    })
    for (const [i, { node }] of outputs.entries()) places.set(node, i)
    const read = [...inputs.values()]
    const program = { ...cluster, inputs: read.map(({ layout }) => layout), constants, steps, outputs }
    const isBack = members.some((node) => node.isBack)
    const made = programNode(
      program,
      read.map(({ value }) => renewed(value)),
      isBack,
      codes,
    )
    programs.set(cluster, made)
    return made
  }
  return values.map(renewed)
}

/** The nodes that join, by node. */
function clustersOf(values: readonly Value[]): ReadonlyMap<GraphNode, Cluster> {
  const clusters = new Map<GraphNode, Cluster>()
  for (const node of nodesOf(values)) {
    const rows = rowsOf(node)
    if (rows === null) continue
    const near = node.inputs.flatMap((value) => {
      const source = withoutReshapes(value)
      const cluster = source.kind === "node" ? clusters.get(source.node) : undefined
      return cluster === undefined ? [] : [cluster]
    })
    const known = near.find((one) => joins(node, one, clusters))
    // Rows of one number can follow from sums over longer rows, and begin no program.
    if (known === undefined && rows.columns === 1) continue
    const cluster = known ?? { ...rows, members: new Set<GraphNode>() }
    cluster.members.add(node)
    clusters.set(node, cluster)
  }
  for (const [node, { members }] of clusters) if (members.size < FEWEST_STEPS) clusters.delete(node)
  return clusters
}

/** Whether a node can be a step of a cluster. What it reads from elsewhere must not wait for the cluster. */
function joins(node: GraphNode, cluster: Cluster, clusters: ReadonlyMap<GraphNode, Cluster>): boolean {
  const spread = spreadOf(node)
  if (countOf(spread) !== cluster.rows * cluster.columns || spread.shape.at(-1) !== cluster.columns) {
    if (!(isNarrowType(spread, cluster) && !isSum(OPS[node.op] as Instruction))) return false
  }
  return operandsOf(node).every((value) => {
    if (scalarOf(value) !== null || memberOf(value, cluster) !== null) return true
    return layoutOf(value.type, spread, cluster) !== null && !waitsFor(value, cluster, clusters)
  })
}

/** Whether a value needs a cluster's results. */
function waitsFor(value: Value, cluster: Cluster, clusters: ReadonlyMap<GraphNode, Cluster>): boolean {
  const open: Value[] = [value]
  const seen = new Set<GraphNode>()
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (one.kind !== "node" || seen.has(one.node)) continue
    const own = clusters.get(one.node)
    if (own === cluster) return true
    // A cluster runs as a whole, when all that its members read is there.
    for (const node of own?.members ?? [one.node]) {
      if (seen.has(node)) continue
      seen.add(node)
      open.push(...node.inputs)
    }
  }
  return false
}

/** The members whose results others read: nodes of no or another cluster, or the graph's outputs. */
function writtenSteps(values: readonly Value[], clusters: ReadonlyMap<GraphNode, Cluster>): ReadonlySet<GraphNode> {
  const written = new Set<GraphNode>()
  const read = (value: Value): void => {
    if (value.kind === "node" && clusters.has(value.node)) written.add(value.node)
  }
  values.forEach(read)
  for (const node of nodesOf(values)) {
    const cluster = clusters.get(node)
    for (const value of node.inputs) {
      if (cluster === undefined) read(value)
      else if (memberOf(value, cluster) === null) read(value)
    }
  }
  return written
}

/** The member that a value is, if reshapes between keep the rows. */
function memberOf(value: Value, cluster: Cluster): GraphNode | null {
  const source = withoutReshapes(value)
  if (source.kind !== "node" || !cluster.members.has(source.node)) return null
  const { shape } = source.type
  return shape.at(-1) === value.type.shape.at(-1) ? source.node : null
}

function withoutReshapes(value: Value): Value {
  if (value.kind !== "node" || value.node.op !== "Reshape") return value
  const [source] = value.node.inputs as readonly [Value]
  return source.type.shape.at(-1) === value.type.shape.at(-1) ? withoutReshapes(source) : value
}

/** The rows that a node runs over. Null: it is not an op of programs. */
function rowsOf(node: GraphNode): Rows | null {
  const [output] = node.outputs
  const instruction = OPS[node.op]
  if (instruction === undefined || output?.dtype !== TF_TYPES.F32 || node.outputs.length > 1) return null
  if (isSum(instruction) && !isOverRows(node)) return null
  const spread = spreadOf(node)
  const columns = spread.shape.at(-1) ?? 1
  const rows = countOf(spread) / Math.max(1, columns)
  const isSpread = operandsOf(node).every(
    (value) =>
      value.type.dtype === TF_TYPES.F32 &&
      (scalarOf(value) !== null || layoutOf(value.type, spread, { rows, columns }) !== null),
  )
  return isSpread ? { rows, columns } : null
}

/** What a node is computed over: its output, or what it sums. */
function spreadOf(node: GraphNode): ValueType {
  const instruction = OPS[node.op]
  const [first] = node.inputs as readonly [Value]
  if (instruction !== undefined && isSum(instruction)) return first.type
  return node.outputs[0] as ValueType
}

function operandsOf(node: GraphNode): readonly Value[] {
  const instruction = OPS[node.op]
  return instruction !== undefined && isSum(instruction) ? node.inputs.slice(0, 1) : node.inputs
}

function isOverRows(node: GraphNode): boolean {
  const [source, axis] = node.inputs as readonly [Value, Value]
  const axes = wholeNumbersOf(axis)
  const last = source.type.shape.length - 1
  return flagOf(node, "keep_dims") && axes?.length === 1 && (axes[0] === last || axes[0] === -1)
}

function isNarrow(node: GraphNode, cluster: Rows): boolean {
  return isSum(OPS[node.op] as Instruction) || isNarrowType(node.outputs[0] as ValueType, cluster)
}

/** One number for a row. */
function isNarrowType(type: ValueType, { rows, columns }: Rows): boolean {
  return columns > 1 && type.shape.at(-1) === 1 && countOf(type) === rows
}

/** How a value lies beside rows when it is spread to an output. Null: in another way. */
function layoutOf(type: ValueType, output: ValueType, { rows, columns }: Rows): Layout | null {
  const width = type.shape.at(-1) ?? 1
  if (width !== columns && width !== 1) return null
  const missing = Array<number>(Math.max(0, output.shape.length - type.shape.length)).fill(1)
  const sizes = [...missing, ...type.shape].slice(0, -1)
  const whole = output.shape.slice(0, -1)
  if (sizes.length !== whole.length) return null
  let shared = 0
  while (shared < sizes.length && sizes[shared] === whole[shared]) shared++
  if (sizes.slice(shared).some((size) => size !== 1)) return null
  const count = whole.slice(0, shared).reduce((product, size) => product * size, 1)
  return { rowsEach: rows / count, isWide: width === columns }
}

/** The number of a constant without axes. */
function scalarOf(value: Value): number | null {
  if (value.kind !== "constant" || !isSameShape(value.type.shape, []) || value.type.dtype !== TF_TYPES.F32) return null
  return new Float32Array(Uint8Array.from(value.bytes).buffer)[0] ?? null
}

function countOf({ shape }: ValueType): number {
  return shape.reduce((product, size) => product * size, 1)
}
