import type { OpAttribute, TensorflowBinding } from "../binding.ts"
import { TF_TYPES } from "../ops/device.ts"
import type { ConstantValue, GraphNode, NodeValue, Value, ValueType } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"
import { layerNormOf } from "./layer-norm.ts"
import { isSameShape } from "./node-builder.ts"

export type TypeCodes = Pick<TensorflowBinding, "TF_ATTR_TYPE" | "TF_ATTR_FLOAT">

export interface SimplifyOptions {
  readonly codes: TypeCodes
  /** Whether TensorFlow has oneDNN's layer norm. Default: false. */
  readonly hasLayerNorm?: boolean
}

/** Ops that move numbers without a change. They do the same on the 16 bits that were cast up. */
const MOVES: ReadonlySet<string> = new Set(["Reshape", "Transpose", "Slice", "SplitV"])

/**
 * Writes recorded ops in a shorter way. Ops one by one pay for generality that a graph does not need:
 *
 * - the same op on the same values runs once, and reshapes of reshapes, casts to the same type and tiles by one vanish;
 * - a value that was cast up from 16 bits stays in 16 bits while it is only moved, and in the products and the softmax of
 *   attention, which are faster so (other ops are faster in 32 bits);
 * - a bias is added by BiasAdd, which TensorFlow joins with the product before it;
 * - a layer norm is one op where oneDNN has it.
 */
export function simplify(values: readonly Value[], { codes, hasLayerNorm = false }: SimplifyOptions): readonly Value[] {
  const numbers = new Map<object, number>()
  const constants = new Map<string, ConstantValue>()
  const inputs = new Map<number, Value>()
  const nodes = new Map<string, GraphNode>()
  const done = new Map<GraphNode, readonly Value[]>()

  const numberOf = (key: object): number => {
    const before = numbers.get(key)
    if (before !== undefined) return before
    numbers.set(key, numbers.size)
    return numbers.size - 1
  }
  const canonical = (value: Value): Value => {
    if (value.kind === "node") return (done.get(value.node) as readonly Value[])[value.output] as Value
    if (value.kind === "input") {
      const before = inputs.get(value.index) ?? value
      inputs.set(value.index, before)
      return before
    }
    const key = `${value.type.dtype} ${value.type.shape.join()} ${Buffer.from(value.bytes).toString("latin1")}`
    const before = constants.get(key) ?? value
    constants.set(key, before)
    return before
  }
  const nameOf = (value: Value): string =>
    value.kind === "node" ? `${numberOf(value.node)}:${value.output}` : `${numberOf(value)}`
  /** A node, or the one that already does the same. */
  const make = (node: GraphNode): GraphNode => {
    const attributes = node.attributes.map(({ name, value }) => `${name}=${JSON.stringify(value)}`)
    const key = [node.op, node.isBack, ...attributes.toSorted(), ...node.inputs.map(nameOf)].join(" ")
    const before = nodes.get(key) ?? node
    nodes.set(key, before)
    return before
  }
  const build: Build = (op, reads, attributes, type, isBack) =>
    outputOf(make({ op, inputs: reads, attributes, outputs: [type], isBack })) as NodeValue
  const rules = rulesOf(build, codes)

  for (const node of nodesOf(values)) {
    const read = { ...node, inputs: node.inputs.map(canonical) }
    const short = rules(read, make)
    done.set(node, short)
  }
  const short = values.map(canonical)
  return hasLayerNorm ? withLayerNorms(short, build, codes) : short
}

type Build = (
  op: string,
  inputs: readonly Value[],
  attributes: readonly OpAttribute[],
  type: ValueType,
  isBack: boolean,
) => NodeValue

/** What replaces a node whose inputs are already short: a value for each of its outputs. */
function rulesOf(
  build: Build,
  codes: TypeCodes,
): (node: GraphNode, make: (node: GraphNode) => GraphNode) => readonly Value[] {
  const typed = (name: string, dtype: number): OpAttribute => ({ name, type: codes.TF_ATTR_TYPE, value: dtype })
  const cast = (value: Value, dtype: number, isBack: boolean): Value => {
    if (value.type.dtype === dtype) return value
    const low = castUpOf(value)
    if (low?.type.dtype === dtype) return low
    const attributes = [typed("SrcT", value.type.dtype), typed("DstT", dtype)]
    return build("Cast", [value], attributes, { dtype, shape: value.type.shape }, isBack)
  }
  /** An operand of a product in 16 bits. A scale stays beside its operand. */
  const half = (value: Value, isBack: boolean): Value => {
    if (value.kind === "node" && value.node.op === "Mul") {
      const [a, factor] = value.node.inputs as [Value, Value]
      const low = castUpOf(a)
      if (low !== null && isScalar(factor)) {
        const inputs = [low, halfConstant(factor)]
        return build("Mul", inputs, [typed("T", low.type.dtype)], { ...low.type, shape: value.type.shape }, isBack)
      }
    }
    return cast(value, TF_TYPES.BF16, isBack)
  }

  return (node, make) => {
    const { op, inputs, outputs, isBack } = node
    const [first, second] = inputs as readonly [Value, Value]
    const [type] = outputs as readonly [ValueType]
    const asIs = (): readonly Value[] => {
      const made = make(node)
      return outputs.map((_, i) => outputOf(made, i))
    }
    if (op === "Cast" && first.type.dtype === TF_TYPES.F32) return [cast(first, type.dtype, isBack)]
    if (op === "Cast" && first.type.dtype === type.dtype) return [first]
    if (op === "Tile" && isSameShape(first.type.shape, type.shape)) return [first]
    if (op === "Reshape" && isSameShape(first.type.shape, type.shape)) return [first]
    if (op === "Reshape" && first.kind === "node" && first.node.op === "Reshape") {
      const [source] = first.node.inputs as [Value]
      if (isSameShape(source.type.shape, type.shape)) return [source]
      return [build("Reshape", [source, second], node.attributes, type, isBack)]
    }
    const low = castUpOf(first)
    if (MOVES.has(op) && low !== null) {
      const made = make(retyped(node, [low, ...inputs.slice(1)], low.type.dtype, codes))
      return made.outputs.map((_, i) => cast(outputOf(made, i), TF_TYPES.F32, isBack))
    }
    if (op === "Softmax" && low !== null) {
      return [cast(outputOf(make(retyped(node, [low], low.type.dtype, codes))), TF_TYPES.F32, isBack)]
    }
    if (op === "BatchMatMulV2" && type.dtype === TF_TYPES.F32 && inputs.some(isHalf)) {
      const made = make(
        retyped(
          node,
          inputs.map((value) => half(value, isBack)),
          TF_TYPES.BF16,
          codes,
        ),
      )
      return [cast(outputOf(made), TF_TYPES.F32, isBack)]
    }
    if ((op === "Add" || op === "AddV2") && isBias(second, type)) {
      const product = low ?? first
      if (product.kind === "node" && (product.node.op === "MatMul" || product.node.op === "Conv2D")) {
        const bias = cast(second, product.type.dtype, isBack)
        const attributes = [typed("T", product.type.dtype)]
        return [cast(build("BiasAdd", [product, bias], attributes, product.type, isBack), type.dtype, isBack)]
      }
    }
    return asIs()
  }
}

/** The value of 16 bits that this one was cast up from. Null: it was not. */
function castUpOf(value: Value): Value | null {
  if (value.kind !== "node" || value.node.op !== "Cast" || value.type.dtype !== TF_TYPES.F32) return null
  const [source] = value.node.inputs as [Value]
  return source.kind === "node" && source.type.dtype === TF_TYPES.BF16 ? source : null
}

/** Whether a value was cast up, apart from a scale. */
function isHalf(value: Value): boolean {
  if (castUpOf(value) !== null) return true
  if (value.kind !== "node" || value.node.op !== "Mul") return false
  const [a, factor] = value.node.inputs as [Value, Value]
  return castUpOf(a) !== null && isScalar(factor)
}

function isScalar(value: Value): value is ConstantValue {
  return value.kind === "constant" && value.type.shape.length === 0 && value.type.dtype === TF_TYPES.F32
}

/** A float32 rounded to bfloat16. */
function halfConstant({ bytes }: ConstantValue): ConstantValue {
  const bits = new Uint32Array(Uint8Array.from(bytes).buffer)
  const value = bits[0] as number
  // To the nearest, ties to even.
  const rounded = (value + 0x7fff + ((value >>> 16) & 1)) >>> 16
  return {
    kind: "constant",
    type: { dtype: TF_TYPES.BF16, shape: [] },
    bytes: Uint8Array.of(rounded & 255, rounded >>> 8),
  }
}

function isBias({ type }: Value, { shape }: ValueType): boolean {
  return type.shape.length === 1 && type.shape[0] === shape.at(-1) && type.dtype === TF_TYPES.F32
}

/** The node with other inputs and another number type. */
function retyped(node: GraphNode, inputs: readonly Value[], dtype: number, { TF_ATTR_TYPE }: TypeCodes): GraphNode {
  const attributes = node.attributes.map((one) =>
    one.name === "T" && one.type === TF_ATTR_TYPE ? { ...one, value: dtype } : one,
  )
  return { ...node, inputs, attributes, outputs: node.outputs.map(({ shape }) => ({ dtype, shape })) }
}

/** Replaces the ops of layer norms. */
function withLayerNorms(values: readonly Value[], build: Build, codes: TypeCodes): readonly Value[] {
  const done = new Map<GraphNode, GraphNode>()
  const renewed = (value: Value): Value =>
    value.kind === "node" ? outputOf(done.get(value.node) as GraphNode, value.output) : value
  for (const node of nodesOf(values)) {
    const norm = layerNormOf(node)
    if (norm === null) {
      done.set(node, { ...node, inputs: node.inputs.map(renewed) })
      continue
    }
    const attributes = [
      { name: "T", type: codes.TF_ATTR_TYPE, value: TF_TYPES.F32 },
      { name: "epsilon", type: codes.TF_ATTR_FLOAT, value: norm.epsilon },
    ]
    const inputs = [norm.x, norm.scale, norm.shift].map(renewed)
    done.set(node, build("_MklLayerNorm", inputs, attributes, node.outputs[0] as ValueType, node.isBack).node)
  }
  return values.map(renewed)
}
