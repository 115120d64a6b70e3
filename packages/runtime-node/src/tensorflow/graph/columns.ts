import { TF_TYPES } from "../ops/device.ts"
import type { GraphNode, Value, ValueType } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"
import type { BuilderCodes, Flags, NodeBuilder } from "./node-builder.ts"
import { flagOf, int32, isSameShape, nodeBuilder, wholeNumbersOf } from "./node-builder.ts"

/** Rows of a product that is worth another order. */
const FEWEST_ROWS = 16

/** Ops on every number alone. */
const ELEMENTWISE: ReadonlySet<string> = new Set(["Add", "AddV2", "Sub", "Mul", "Erf", "Exp", "Square", "Neg", "Cast"])

const PRODUCTS: ReadonlySet<string> = new Set(["MatMul", "BatchMatMulV2", "Conv2D", "Conv2DBackpropInput"])

const NOTHING: ReadonlySet<Value> = new Set()

/** A value with its axes swapped. */
interface Columns {
  /** [columns, rows], or [samples, columns, rows of a sample]. */
  readonly value: Value
  /** The values whose numbers are moved for it. */
  readonly moved: ReadonlySet<Value>
  /** Whether a product gives it without a move. */
  readonly isGiven: boolean
}

/** Finds the columns of a value, by samples. */
type FindColumns = (value: Value, samples: number) => Columns

/**
 * Computes products with weights as columns where what follows can read columns: yᵀ = W xᵀ in place of y = x Wᵀ.
 * Files have weights as [out, in]. In float32, W xᵀ takes 0.6 to 1 of the time of x Wᵀ, the least with few tokens
 * (docs/measurements/tensorflow.md). The heads of attention then need no transpose either, since columns are [heads,
 * size, tokens].
 *
 * The sums are the same, in another order. Where a product would be needed in both ways, all stays as it was.
 */
export function inColumns(values: readonly Value[], codes: BuilderCodes): readonly Value[] {
  const rewritten = rewrite(values, codes)
  return productsOf(rewritten) > productsOf(values) ? values : rewritten
}

function productsOf(values: readonly Value[]): number {
  return nodesOf(values).filter(({ op }) => PRODUCTS.has(op)).length
}

function rewrite(values: readonly Value[], codes: BuilderCodes): readonly Value[] {
  const build = nodeBuilder(codes)
  const replace = rulesOf(build, columnsIn(build))
  const done = new Map<GraphNode, readonly Value[]>()
  const renewed = (value: Value): Value =>
    value.kind === "node" ? ((done.get(value.node) as readonly Value[])[value.output] as Value) : value
  for (const node of nodesOf(values)) {
    const read = { ...node, inputs: node.inputs.map(renewed) }
    const other = replace(read)
    done.set(node, other === null ? node.outputs.map((_, i) => outputOf(read, i)) : [other])
  }
  return values.map(renewed)
}

/** What replaces a node of one output whose inputs are already rewritten. Null: nothing. */
function rulesOf(build: NodeBuilder, columnsOf: FindColumns): (node: GraphNode) => Value | null {
  /** Heads with their last axes swapped, [N, heads, size, tokens], if no number has to move for it. */
  const swappedHeads = (value: Value): Value | null => {
    const inner = scaledFrom(value, swappedHeads, build)
    if (inner !== null) return inner
    const tokens = reshapedFrom(headsFrom(value))
    const [samples, heads, rows, size] = value.type.shape as [number, number, number, number]
    if (tokens === null || widthOf(tokens.type) !== heads * size) return null
    const columns = columnsOf(tokens, samples)
    if (columns.moved.size > 0 || !columns.isGiven) return null
    return build.reshape(columns.value, [samples, heads, size, rows], isBack(value))
  }

  const batchProduct = (node: GraphNode): Value | null => {
    const [a, b] = node.inputs.map(swappedHeads) as [Value | null, Value | null]
    if (a === null && b === null) return null
    const [first, second] = node.inputs as readonly [Value, Value]
    const flags: Flags = [flagOf(node, "adj_x") !== (a !== null), flagOf(node, "adj_y") !== (b !== null)]
    return build.product([a ?? first, b ?? second], flags, node.isBack)
  }

  const product = (node: GraphNode): Value | null => {
    const [x, weight] = node.inputs as readonly [Value, Value]
    const { shape } = node.outputs[0] as ValueType
    if (flagOf(node, "transpose_a") || (shape[0] as number) < FEWEST_ROWS || isProduct(x)) return null
    const samples = headsFrom(reshapedFrom(x))?.type.shape[0] ?? 1
    const columns = columnsOf(x, samples)
    if (!columns.isGiven) return null
    if (!flagOf(node, "transpose_b")) {
      if (sumOf(columns.moved) > sizeOf(x.type) / 2) return null
      return build.reshape(build.product([columns.value, weight], [true, false], node.isBack), shape, node.isBack)
    }
    if (columns.moved.size > 0) return null
    const turned = build.product([weight, columns.value], [false, false], node.isBack)
    return build.reshape(swapped(build, turned, node.isBack), shape, node.isBack)
  }

  /** A sum with a bias in 16 bits that the product no longer takes. It is in 32 bits, so that it is rounded once. */
  const sum = (node: GraphNode): Value | null => {
    const [{ dtype }] = node.outputs as readonly [ValueType]
    const biased = inputsOf(node.inputs[0], "BiasAdd")
    if (biased === null || dtype !== TF_TYPES.F32) return null
    const [turned, bias] = biased as readonly [Value, Value]
    if (inputsOf(reshapedFrom(turned) ?? turned, "Transpose") === null) return null
    return build.add(build.cast(turned, dtype, node.isBack), build.cast(bias, dtype, node.isBack), node.isBack)
  }

  return (node) => {
    if (node.op === "BatchMatMulV2") return batchProduct(node)
    if (node.op === "MatMul") return product(node)
    return node.op === "Cast" ? sum(node) : null
  }
}

/** Finds columns, and makes those of a value once. */
function columnsIn(build: NodeBuilder): FindColumns {
  const known = new Map<GraphNode, Map<string, Columns>>()
  const splits = new Map<GraphNode, GraphNode>()

  const moved = (value: Value, samples: number): Columns => {
    const [columns, rows] = [widthOf(value.type), rowsOf(value.type) / samples]
    const matrix = build.reshape(value, samples === 1 ? [rows, columns] : [samples, rows, columns], isBack(value))
    return { value: swapped(build, matrix, isBack(value)), moved: new Set([value]), isGiven: false }
  }

  const find = (value: Value & { readonly kind: "node" }, samples: number): Columns => {
    const { node, output } = value
    const { op, inputs } = node
    const [first, second] = inputs as readonly [Value, Value]
    const shape = turnedShape(value.type, samples)
    const axis = int32([], [shape.length - 2])
    if (op === "MatMul" && flagOf(node, "transpose_b") && !flagOf(node, "transpose_a")) {
      const rows = [rowsOf(first.type) / samples, widthOf(first.type)]
      const x = samples === 1 ? first : build.reshape(first, [samples, ...rows], node.isBack)
      return { value: build.product([second, x], [false, true], node.isBack), moved: NOTHING, isGiven: true }
    }
    if (op === "Reshape") {
      const merged = mergedHeads(value, first, samples)
      if (merged !== null) return merged
      return widthOf(first.type) === widthOf(value.type) ? columnsOf(first, samples) : moved(value, samples)
    }
    if (op === "BiasAdd") return withBias(columnsOf(first, samples), second, node)
    if (op === "Cast" && value.type.dtype === TF_TYPES.F32) {
      // The sum with a bias is in 32 bits, so that it is rounded once.
      const biased = inputsOf(first, "BiasAdd")
      if (biased !== null) return withBias(columnsOf(biased[0] as Value, samples), biased[1] as Value, node)
    }
    if (op === "SplitV" && isLastAxis(inputs[2], first)) {
      const inner = columnsOf(first, samples)
      const outputs = node.outputs.map((type) => ({ ...type, shape: turnedShape(type, samples) }))
      const split = splits.get(node) ?? { ...node, inputs: [inner.value, second, axis], outputs }
      splits.set(node, split)
      return { ...inner, value: outputOf(split, output) }
    }
    if (op === "ConcatV2" && isLastAxis(inputs.at(-1), value)) {
      const parts = inputs.slice(0, -1).map((part) => columnsOf(part, samples))
      return joined(parts, build.like(node, [...parts.map((part) => part.value), axis], shape))
    }
    const isWhole = ({ type }: Value): boolean => isSameShape(type.shape, value.type.shape)
    if (ELEMENTWISE.has(op) && inputs.every((one) => isScalar(one) || isWhole(one))) {
      const parts = inputs.map((one) => (isScalar(one) ? null : columnsOf(one, samples)))
      const reads = inputs.map((one, i) => parts[i]?.value ?? one)
      return joined(
        parts.filter((part) => part !== null),
        build.like(node, reads, shape),
      )
    }
    return moved(value, samples)
  }

  const withBias = (inner: Columns, bias: Value, { outputs, isBack }: GraphNode): Columns => {
    const { dtype } = outputs[0] as ValueType
    const column = build.reshape(bias, [bias.type.shape[0] as number, 1], isBack)
    const sum = build.add(build.cast(inner.value, dtype, isBack), build.cast(column, dtype, isBack), isBack)
    return { ...inner, value: sum }
  }

  /** Tokens that were joined from the heads of a product, which can swap its result. */
  const mergedHeads = (value: Value, source: Value, samples: number): Columns | null => {
    const heads = headsFrom(source)
    const product = heads?.type.shape[0] === samples ? swappedProduct(heads) : null
    if (product === null) return null
    const shape = turnedShape(value.type, samples)
    return { value: build.reshape(product, shape, isBack(value)), moved: NOTHING, isGiven: true }
  }

  const swappedProduct = (value: Value): Value | null => {
    const inner = scaledFrom(value, swappedProduct, build)
    if (inner !== null || value.kind !== "node" || value.node.op !== "BatchMatMulV2") return inner
    const { node } = value
    const [first, second] = node.inputs as readonly [Value, Value]
    return build.product([second, first], [!flagOf(node, "adj_y"), !flagOf(node, "adj_x")], node.isBack)
  }

  const columnsOf: FindColumns = (value, samples) => {
    if (value.kind !== "node") return moved(value, samples)
    const outputs = known.get(value.node) ?? new Map<string, Columns>()
    known.set(value.node, outputs)
    const key = `${value.output} ${samples}`
    const before = outputs.get(key)
    if (before !== undefined) return before
    const found = find(value, samples)
    outputs.set(key, found)
    return found
  }
  return columnsOf
}

/** The result of an op on columns. */
function joined(parts: readonly Columns[], value: Value): Columns {
  return {
    value,
    moved: new Set(parts.flatMap((part) => [...part.moved])),
    isGiven: parts.some(({ isGiven }) => isGiven),
  }
}

/** A cast, or a product with a scalar, of what `find` gives for its input. */
function scaledFrom(value: Value, find: (value: Value) => Value | null, build: NodeBuilder): Value | null {
  if (value.kind !== "node") return null
  const { op, inputs } = value.node
  const [first, second] = inputs as readonly [Value, Value]
  if (op !== "Cast" && !(op === "Mul" && isScalar(second))) return null
  const inner = find(first)
  return inner && build.like(value.node, [inner, ...inputs.slice(1)], inner.type.shape)
}

function swapped(build: NodeBuilder, value: Value, isBack: boolean): Value {
  return build.transpose(value, value.type.shape.length === 2 ? [1, 0] : [0, 2, 1], isBack)
}

/** The input of a transpose that swaps tokens and heads: [N, T, heads, size] and [N, heads, T, size]. */
function headsFrom(value: Value | null): Value | null {
  const [heads, order] = inputsOf(value, "Transpose") ?? []
  return wholeNumbersOf(order)?.join() === "0,2,1,3" ? (heads ?? null) : null
}

function reshapedFrom(value: Value | null): Value | null {
  return inputsOf(value, "Reshape")?.[0] ?? null
}

/** The inputs of the node that gives a value, if it is this op. */
function inputsOf(value: Value | null | undefined, op: string): readonly Value[] | null {
  return value?.kind === "node" && value.node.op === op ? value.node.inputs : null
}

/** Whether a value is a product as it is. Nothing is gained between two products with weights. */
function isProduct(value: Value): boolean {
  const source = reshapedFrom(value) ?? value
  return source.kind === "node" && (source.node.op === "MatMul" || source.node.op === "BiasAdd")
}

function isLastAxis(axis: Value | undefined, { type }: Value): boolean {
  const [number] = wholeNumbersOf(axis) ?? []
  return number === -1 || number === type.shape.length - 1
}

function isScalar({ type }: Value): boolean {
  return type.shape.length === 0
}

function isBack(value: Value): boolean {
  return value.kind === "node" && value.node.isBack
}

function turnedShape(type: ValueType, samples: number): readonly number[] {
  const rows = rowsOf(type) / samples
  return samples === 1 ? [widthOf(type), rows] : [samples, widthOf(type), rows]
}

/** Rows of a value as a matrix: all axes but the last. */
function rowsOf({ shape }: ValueType): number {
  return shape.slice(0, -1).reduce((product, size) => product * size, 1)
}

function widthOf({ shape }: ValueType): number {
  return shape.at(-1) ?? 1
}

function sumOf(moved: ReadonlySet<Value>): number {
  return [...moved].reduce((sum, { type }) => sum + sizeOf(type), 0)
}

function sizeOf({ shape }: ValueType): number {
  return shape.reduce((product, size) => product * size, 1)
}
