import type { OpAttribute, TensorflowBinding } from "../binding.ts"
import type { ConstantValue, GraphNode, Value, ValueType } from "./graph.ts"
import { nodesOf } from "./graph.ts"
import type { Bytes } from "./protobuf.ts"
import { bytesField, floatField, integerField, message } from "./protobuf.ts"

/** The codes of a binding for the kinds of attributes. */
export type AttributeCodes = Pick<
  TensorflowBinding,
  "TF_ATTR_STRING" | "TF_ATTR_INT" | "TF_ATTR_FLOAT" | "TF_ATTR_BOOL" | "TF_ATTR_TYPE"
>

/** A graph as TensorFlow's session reads it. */
export interface SavedModel {
  /** The file `saved_model.pb`. */
  readonly bytes: Bytes
  /** Names of the inputs in their order. Null for an input that no node reads. */
  readonly inputs: readonly (string | null)[]
  /** Names of the outputs in their order. */
  readonly outputs: readonly string[]
}

/** The tag by which a session finds the graph. */
export const SERVE_TAG = "serve"

/** Old versions of ops apply to graphs without this number. Source: `core/public/version.h` of TensorFlow. */
const PRODUCER = 1987

/**
 * Writes a graph as a SavedModel. Its weights are inputs, so it is small.
 * Source: `saved_model.proto`, `graph.proto`, `node_def.proto` and `attr_value.proto` of TensorFlow.
 *
 * @param inputCount the number of inputs, also of those that no node reads
 */
export function writeSavedModel(outputs: readonly Value[], inputCount: number, codes: AttributeCodes): SavedModel {
  const nodes = nodesOf(outputs)
  const written: Bytes[] = []
  const names = new Map<GraphNode | ConstantValue, string>()
  const inputs = Array<string | null>(inputCount).fill(null)
  const write = (name: string, op: string, reads: readonly string[], attributes: readonly Bytes[]): string => {
    const texts = reads.map((read) => bytesField(3, read))
    written.push(bytesField(1, message(bytesField(1, name), bytesField(2, op), ...texts, ...attributes)))
    return name
  }
  const named = (value: Value): string => {
    if (value.kind === "node") {
      const name = names.get(value.node) as string
      return value.output === 0 ? name : `${name}:${value.output}`
    }
    if (value.kind === "input") {
      const name = `input${value.index}`
      if (inputs[value.index] === null) {
        write(name, "Placeholder", [], [typeAttribute("dtype", value.type.dtype), shapeAttribute(value.type)])
        inputs[value.index] = `${name}:0`
      }
      return name
    }
    const known = names.get(value)
    if (known !== undefined) return known
    const name = `constant${names.size}`
    names.set(value, name)
    return write(name, "Const", [], [typeAttribute("dtype", value.type.dtype), tensorAttribute(value)])
  }
  for (const node of nodes) {
    const reads = node.inputs.map(named)
    const name = `node${names.size}`
    names.set(node, name)
    write(
      name,
      node.op,
      reads,
      node.attributes.map((one) => attribute(one, codes)),
    )
  }
  const results = outputs.map((value, i) =>
    write(`output${i}`, "Identity", [named(value)], [typeAttribute("T", value.type.dtype)]),
  )
  const graph = message(...written, bytesField(4, integerField(1, PRODUCER)))
  const meta = message(bytesField(1, bytesField(4, SERVE_TAG)), bytesField(2, graph))
  return {
    bytes: message(integerField(1, 1), bytesField(2, meta)),
    inputs,
    outputs: results.map((name) => `${name}:0`),
  }
}

function attribute({ name, type, value }: OpAttribute, codes: AttributeCodes): Bytes {
  const items = Array.isArray(value) ? (value as readonly unknown[]) : null
  const field = (item: unknown): Bytes => {
    // Numbers of the fields of AttrValue and of its ListValue agree, except for text.
    if (type === codes.TF_ATTR_STRING) return bytesField(2, String(item))
    if (type === codes.TF_ATTR_INT) return integerField(3, Number(item))
    if (type === codes.TF_ATTR_FLOAT) return floatField(4, Number(item))
    if (type === codes.TF_ATTR_BOOL) return integerField(5, item === true ? 1 : 0)
    if (type === codes.TF_ATTR_TYPE) return integerField(6, Number(item))
    throw new Error(`graph: attribute "${name}" has kind ${type}, which is not written`)
  }
  const bytes = items === null ? field(value) : bytesField(1, message(...items.map(field)))
  return namedAttribute(name, bytes)
}

function typeAttribute(name: string, dtype: number): Bytes {
  return namedAttribute(name, integerField(6, dtype))
}

function shapeAttribute({ shape }: ValueType): Bytes {
  return namedAttribute("shape", bytesField(7, shapeMessage(shape)))
}

function tensorAttribute({ type: { dtype, shape }, bytes }: ConstantValue): Bytes {
  const tensor = message(integerField(1, dtype), bytesField(2, shapeMessage(shape)), bytesField(4, bytes))
  return namedAttribute("value", bytesField(8, tensor))
}

function namedAttribute(name: string, value: Bytes): Bytes {
  return bytesField(5, message(bytesField(1, name), bytesField(2, value)))
}

function shapeMessage(shape: readonly number[]): Bytes {
  return message(...shape.map((size) => bytesField(2, integerField(1, size))))
}
