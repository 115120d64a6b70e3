import { TF_TYPES } from "../ops/device.ts"
import type { GraphNode, Value, ValueType } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"
import { flagOf, isSameShape, wholeNumbersOf } from "./node-builder.ts"
import type { ProductCodes, ProductInputs, ProductPlan } from "./own-product.ts"
import { productNode, windowsOf } from "./own-product.ts"

/** A product, and how it may be written. */
export interface Found {
  readonly plan: ProductPlan
  readonly inputs: ProductInputs
}

/**
 * Computes products and convolutions by our own op. It reads weights in 16 bits without a cast, adds biases and
 * residuals to its sums, and writes rows or columns. Attention's products stay: both of their sides are batches.
 */
export function withOwnProducts(values: readonly Value[], codes: ProductCodes): readonly Value[] {
  const readers = readersOf(values)
  const products = new Map<GraphNode, Found>()
  const done = new Map<GraphNode, readonly Value[]>()
  const renewed = (value: Value): Value =>
    value.kind === "node" ? ((done.get(value.node) as readonly Value[])[value.output] as Value) : value
  const make = (found: Found, output: ValueType, isBack: boolean): Value => {
    const node = productNode(found.plan, found.inputs, output, isBack, codes)
    products.set(node, found)
    return outputOf(node)
  }
  /** The product that gives this value, if nothing else reads it. */
  const only = (value: Value | undefined): Found | null => {
    if (value?.kind !== "node" || readers.get(value.node) !== 1) return null
    const now = renewed(value)
    return now.kind === "node" ? (products.get(now.node) ?? null) : null
  }
  const joined = (node: GraphNode): Found | null => {
    const [first, second] = node.inputs
    switch (node.op) {
      case "Reshape":
        return only(first)
      case "Cast":
        return isFloat(node.outputs[0]) ? only(first) : null
      case "Transpose":
        return turned(only(first), first, second)
      case "BiasAdd":
      case "Add":
      case "AddV2": {
        const [output] = node.outputs as readonly [ValueType]
        return (
          withSum(only(first), second, first, output, renewed) ?? withSum(only(second), first, second, output, renewed)
        )
      }
      default:
        return null
    }
  }
  for (const node of nodesOf(values)) {
    const read = { ...node, inputs: node.inputs.map(renewed) }
    const found = joined(node) ?? productOf(read)
    const [output] = node.outputs
    if (found === null || output === undefined)
      done.set(
        node,
        node.outputs.map((_, i) => outputOf(read, i)),
      )
    else done.set(node, [make(found, output, node.isBack)])
  }
  return values.map(renewed)
}

/** How often each node is read. Outputs of the graph are read, too. */
function readersOf(values: readonly Value[]): ReadonlyMap<GraphNode, number> {
  const readers = new Map<GraphNode, number>()
  const count = (value: Value): void => {
    if (value.kind === "node") readers.set(value.node, (readers.get(value.node) ?? 0) + 1)
  }
  values.forEach(count)
  for (const { inputs } of nodesOf(values)) inputs.forEach(count)
  return readers
}

/** A product whose rows become columns, or the other way round. */
function turned(found: Found | null, value: Value | undefined, order: Value | undefined): Found | null {
  if (found === null || value === undefined) return null
  const { plan, inputs } = found
  const { samples, tokens, out, yColumns } = plan
  const [rows, columns] = yColumns ? [out, tokens] : [tokens, out]
  const axes = wholeNumbersOf(order)?.join()
  const isMatrix = samples === 1 && isSameShape(value.type.shape, [rows, columns]) && axes === "1,0"
  const isBatch = isSameShape(value.type.shape, [samples, rows, columns]) && axes === "0,2,1"
  if (!(isMatrix || isBatch) || inputs.addend !== null) return null
  return { plan: { ...plan, yColumns: !yColumns }, inputs }
}

/** A product with a bias or an addend, as y + added. */
function withSum(
  found: Found | null,
  added: Value | undefined,
  product: Value | undefined,
  output: ValueType,
  renewed: (value: Value) => Value,
): Found | null {
  if (found === null || added === undefined || product === undefined) return null
  const { plan, inputs } = found
  if (!isFloat(added.type) || !isSameShape(product.type.shape, output.shape)) return null
  if (inputs.bias === null && isBias(added.type, product.type, plan)) {
    return { plan, inputs: { ...inputs, bias: renewed(added) } }
  }
  if (inputs.addend === null && isSameShape(added.type.shape, output.shape)) {
    return { plan, inputs: { ...inputs, addend: renewed(added) } }
  }
  return null
}

/** Whether numbers are added along the outputs of a product, and along these alone. */
function isBias({ shape }: ValueType, product: ValueType, { out, yColumns, tokens }: ProductPlan): boolean {
  const size = shape.reduce((all, one) => all * one, 1)
  if (size !== out) return false
  if (!yColumns) return shape.at(-1) === out && product.shape.at(-1) === out
  return shape.at(-1) === 1 && shape.at(-2) === out && isSameShape(product.shape.slice(-2), [out, tokens])
}

/** The product that a node of TensorFlow computes. Null: none that our op has. */
function productOf(node: GraphNode): Found | null {
  switch (node.op) {
    case "MatMul":
      return matrixProduct(node, "transpose_a", "transpose_b")
    case "BatchMatMulV2":
      return matrixProduct(node, "adj_x", "adj_y")
    case "Conv2D":
    case "Conv2DBackpropInput":
      return convolution(node)
    default:
      return null
  }
}

function matrixProduct(node: GraphNode, firstFlag: string, secondFlag: string): Found | null {
  const [a, b] = node.inputs as readonly [Value, Value]
  const [turnsA, turnsB] = [flagOf(node, firstFlag), flagOf(node, secondFlag)]
  const [first, second] = [weightOf(a), weightOf(b)]
  if (!isFloat(a.type) || !isFloat(b.type)) return null
  const isSecond = second !== null && (first === null || sizeOf(first.type) <= sizeOf(second.type))
  const weight = isSecond ? second : first
  if (weight === null) return null
  const [x, turnsX, turnsWeight] = isSecond ? [a, turnsA, turnsB] : [b, turnsB, turnsA]
  const shape = (isSecond ? b : a).type.shape
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1]
  // The weight's axis that the sum runs over is the first one of W in x W, and the last one in W x.
  const contractsRows = isSecond ? !turnsWeight : turnsWeight
  const [width, out] = contractsRows ? [rows, columns] : [columns, rows]
  const xColumns = isSecond ? turnsX : !turnsX
  const samples = x.type.shape.slice(0, -2).reduce((product, size) => product * size, 1)
  const tokens = (xColumns ? x.type.shape.at(-1) : x.type.shape.at(-2)) ?? 1
  const plan = { width, out, xColumns, yColumns: !isSecond, contractsRows }
  const isFlat = !plan.xColumns && !plan.yColumns
  const counts = isFlat ? { samples: 1, tokens: samples * tokens } : { samples, tokens }
  return { plan: { ...plan, ...counts }, inputs: { x: uncast(x), weight, bias: null, addend: null } }
}

/** The product that a convolution is, or its gradient. Null: our op does not have it. */
export function convolution(node: GraphNode): Found | null {
  const isBackward = node.op === "Conv2DBackpropInput"
  const [x, filter] = (isBackward ? [node.inputs[2], node.inputs[1]] : node.inputs) as readonly [Value, Value]
  const [height = 0, width = 0, inner = 0, outer = 0] = filter.type.shape
  const [output] = node.outputs as readonly [ValueType]
  const padding = paddingOf(node, [height, width])
  if (padding === null || !isFloat(x.type) || !isFloat(output)) return null
  const [picture, result] = isBackward ? [output.shape, x.type.shape] : [x.type.shape, output.shape]
  const [samples = 0, pictureHeight = 0, pictureWidth = 0] = picture
  const [, resultHeight = 0, resultWidth = 0] = result
  const windows = windowsOf([pictureHeight, pictureWidth], [resultHeight, resultWidth], [height, width], padding)
  const own = isBackward
    ? { width: outer, out: inner, tokens: pictureHeight * pictureWidth, windows: windows.back }
    : { width: inner, out: outer, tokens: resultHeight * resultWidth, windows: windows.forward }
  const isPlain = height * width === 1 && padding.stride === 1 && padding.top === 0 && padding.left === 0
  const plan = { samples, xColumns: false, yColumns: false, contractsRows: !isBackward, ...own }
  const { windows: _, ...plain } = plan
  const inputs = { x: uncast(x), weight: unwrapped(filter), bias: null, addend: null }
  return { plan: isPlain ? { ...plain, samples: 1, tokens: samples * own.tokens } : plan, inputs }
}

/** The stride and the padding of a convolution's node. Null: an asymmetric stride, or a padding that is not known. */
function paddingOf(
  { attributes }: GraphNode,
  [height, width]: readonly [number, number],
): { readonly stride: number; readonly top: number; readonly left: number } | null {
  const attribute = (name: string): unknown => attributes.find((one) => one.name === name)?.value
  const [, stride = 0, across = 0] = attribute("strides") as readonly number[]
  if (stride !== across) return null
  switch (attribute("padding")) {
    case "VALID":
      return { stride, top: 0, left: 0 }
    case "SAME":
      return stride === 1 ? { stride, top: Math.floor((height - 1) / 2), left: Math.floor((width - 1) / 2) } : null
    case "EXPLICIT": {
      const [, , top = 0, , left = 0] = attribute("explicit_paddings") as readonly number[]
      return { stride, top, left }
    }
    default:
      return null
  }
}

/** A matrix as it lies in memory, if a value is one matrix. */
function weightOf(value: Value): Value | null {
  const isMatrix = value.type.shape.length >= 2 && value.type.shape.slice(0, -2).every((size) => size === 1)
  return isMatrix ? unwrapped(value) : null
}

/** Without reshapes and casts to more bits. Numbers lie in the same order. */
function unwrapped(value: Value): Value {
  if (value.kind !== "node") return value
  const { op, inputs } = value.node
  const [source] = inputs
  if (source === undefined) return value
  if (op === "Reshape") return unwrapped(source)
  return op === "Cast" && isHalf(source.type) ? unwrapped(source) : value
}

/** Tokens before they were cast to 16 bits: our op reads both. */
function uncast(value: Value): Value {
  if (value.kind !== "node" || value.node.op !== "Cast") return value
  const [source] = value.node.inputs as readonly [Value]
  return isFloat(source.type) ? source : value
}

function isHalf({ dtype }: ValueType): boolean {
  return dtype === TF_TYPES.F16 || dtype === TF_TYPES.BF16
}

/** Types of tokens that our op reads and writes. */
function isFloat(type: ValueType | undefined): boolean {
  return type?.dtype === TF_TYPES.F32 || type?.dtype === TF_TYPES.BF16
}

function sizeOf({ shape }: ValueType): number {
  return shape.reduce((product, size) => product * size, 1)
}
