import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"
import type { OpAttribute, OpOutput, TensorflowBackend, TensorflowBinding } from "../binding.ts"
import type { GraphNode } from "../graph/graph.ts"
import type { RecordableBackend } from "../graph/recorder.ts"

/** Codes of the number types that are used here: `TF_DataType` in TensorFlow's C API. */
export const TF_TYPES = { F32: 1, I32: 3, U8: 4, BF16: 14, F16: 19 } as const
export type TfType = keyof typeof TF_TYPES

/** A tensor that only TensorFlow holds. tfjs does not have it, so it may be of any type. Its owner disposes it. */
export interface Handle {
  readonly id: number
  readonly shape: readonly number[]
  readonly type: TfType
  dispose(): void
}

/** The value of an attribute of an op. `{ type }` names a number type. */
export type AttributeValue = string | number | boolean | readonly number[] | { readonly type: TfType }

/** TensorFlow's ops by name. */
export interface TensorflowDevice {
  /** Runs an op with one float32 result. The result is a tensor of tfjs, and tidies of tfjs dispose it. */
  run(name: string, attributes: Readonly<Record<string, AttributeValue>>, inputs: readonly (Tensor | Handle)[]): Tensor
  /** Runs the op of a graph's node, as `run`. */
  runNode(node: Pick<GraphNode, "op" | "attributes">, inputs: readonly (Tensor | Handle)[]): Tensor
  /** Codes of the types of attributes. */
  readonly codes: Pick<TensorflowBinding, "TF_ATTR_TYPE" | "TF_ATTR_BOOL" | "TF_ATTR_INT">
  /** Runs an op with one result that only TensorFlow holds. */
  hold(
    name: string,
    attributes: Readonly<Record<string, AttributeValue>>,
    inputs: readonly (Tensor | Handle)[],
    type: TfType,
  ): Handle
  /**
   * Makes a tensor of bytes. If their address suits TensorFlow, the tensor uses these bytes in place. Otherwise it is a
   * copy. The caller must not change the bytes while the tensor lives. See {@link adopts}.
   */
  upload(bytes: Uint8Array, shape: readonly number[], type: keyof typeof TYPE_BYTES): Handle
  /** Whether TensorFlow uses memory at this address in place. The call writes to the memory. */
  adopts(values: Float32Array): boolean
}

/** Bytes of one number, for the types that {@link TensorflowDevice.upload} makes. */
export const TYPE_BYTES = { F16: 2, BF16: 2, F32: 4 } as const

/** Opens the backend in use. @throws InputError if it is not `tensorflow` */
export function openDevice(): TensorflowDevice {
  const backend = tf.backend()
  if (!isTensorflow(backend)) {
    throw new InputError(
      "backend-not-started",
      `the backend in use is "${tf.getBackend()}", expected "tensorflow". Start it first.`,
    )
  }
  const { binding } = backend
  const attribute = (name: string, value: AttributeValue): OpAttribute => {
    if (typeof value === "string") return { name, type: binding.TF_ATTR_STRING, value }
    if (typeof value === "boolean") return { name, type: binding.TF_ATTR_BOOL, value }
    if (typeof value === "object" && "type" in value) {
      return { name, type: binding.TF_ATTR_TYPE, value: TF_TYPES[value.type] }
    }
    return { name, type: binding.TF_ATTR_INT, value }
  }
  const executeNode = (name: string, list: readonly OpAttribute[], inputs: readonly (Tensor | Handle)[]): OpOutput => {
    const ids = inputs.map((input) =>
      "dataId" in input ? (backend.getInputTensorIds([input])[0] as number) : input.id,
    )
    return binding.executeOp(name, list, ids, 1)[0] as OpOutput
  }
  const execute = (
    name: string,
    attributes: Readonly<Record<string, AttributeValue>>,
    inputs: readonly (Tensor | Handle)[],
  ): OpOutput => {
    const list = Object.entries(attributes).map(([key, value]) => attribute(key, value))
    return executeNode(name, list, inputs)
  }
  /** @param memory that the tensor may use in place; the handle keeps it reachable until it is disposed */
  const handle = (id: number, shape: readonly number[], type: TfType, memory: Uint8Array | null = null): Handle => {
    let alive: { readonly memory: Uint8Array | null } | null = { memory }
    return {
      id,
      shape,
      type,
      dispose() {
        if (alive !== null) binding.deleteTensor(id)
        alive = null
      },
    }
  }
  return {
    run: (name, attributes, inputs) => backend.createOutputTensor(execute(name, attributes, inputs)),
    runNode: ({ op, attributes }, inputs) => backend.createOutputTensor(executeNode(op, attributes, inputs)),
    codes: binding,
    hold(name, attributes, inputs, type) {
      const { id, shape } = execute(name, attributes, inputs)
      return handle(id, shape, type)
    },
    upload(bytes, shape, type) {
      // The binding cannot make tensors of 16-bit numbers. It makes one of bytes, and Bitcast changes its type.
      const raw = handle(binding.createTensor([...shape, TYPE_BYTES[type]], TF_TYPES.U8, bytes), shape, "U8")
      const { id } = execute("Bitcast", { T: { type: "U8" }, type: { type } }, [raw])
      raw.dispose()
      return handle(id, shape, type, bytes)
    },
    adopts(values) {
      // A tensor that uses the memory in place has the values that are written there later.
      const id = binding.createTensor([values.length], TF_TYPES.F32, values.fill(0))
      values.fill(1)
      const isAdopted = !binding.isUsingGpuDevice() && binding.tensorDataSync(id).every((value) => value === 1)
      binding.deleteTensor(id)
      values.fill(0)
      return isAdopted
    },
  }
}

/** The backend in use, if its ops can be recorded. Null: another program registered it. */
export function recordableBackend(): RecordableBackend | null {
  const backend = tf.backend()
  return isTensorflow(backend) && "record" in backend.binding ? (backend as RecordableBackend) : null
}

function isTensorflow(backend: tf.KernelBackend): backend is TensorflowBackend {
  return tf.getBackend() === "tensorflow" && "binding" in backend && "createOutputTensor" in backend
}
