import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"
import type { OpAttribute, OpOutput, TensorflowBackend } from "../binding.ts"

/** TensorFlow's numbers for the types of numbers that are used here: `TF_DataType` in its C API. */
export const TF_TYPES = { F32: 1, I32: 3, U8: 4, BF16: 14, F16: 19 } as const
export type TfType = keyof typeof TF_TYPES

/** A tensor that TensorFlow holds and tfjs does not know of, so that it may be of any type. Its owner disposes it. */
export interface Handle {
  readonly id: number
  readonly shape: readonly number[]
  readonly type: TfType
  dispose(): void
}

/** The value of an attribute of an op: a type is given by its name in `{ type }`. */
export type AttributeValue = string | number | boolean | readonly number[] | { readonly type: TfType }

/** TensorFlow's ops by name. */
export interface TensorflowDevice {
  /** Runs an op whose one result is float32, and gives it to tfjs, whose tidies it then obeys. */
  run(name: string, attributes: Readonly<Record<string, AttributeValue>>, inputs: readonly (Tensor | Handle)[]): Tensor
  /** Runs an op whose one result stays with TensorFlow. */
  hold(
    name: string,
    attributes: Readonly<Record<string, AttributeValue>>,
    inputs: readonly (Tensor | Handle)[],
    type: TfType,
  ): Handle
  /**
   * Makes a tensor of bytes: a copy of them, or where their address suits TensorFlow, just these bytes, which the caller
   * then leaves alone. See {@link adopts}.
   */
  upload(bytes: Uint8Array, shape: readonly number[], type: keyof typeof TYPE_BYTES): Handle
  /** Whether TensorFlow would use memory that begins here as it lies. Writes to it. */
  adopts(values: Float32Array): boolean
}

/** Bytes of a number, of the types that {@link TensorflowDevice.upload} makes. */
export const TYPE_BYTES = { F16: 2, BF16: 2, F32: 4 } as const

/** The backend in use, which must be `tensorflow`. */
export function openDevice(): TensorflowDevice {
  const backend = tf.backend()
  if (!isTensorflow(backend)) {
    throw new InputError(`the backend in use is "${tf.getBackend()}", expected "tensorflow". Start it first.`)
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
  const execute = (
    name: string,
    attributes: Readonly<Record<string, AttributeValue>>,
    inputs: readonly (Tensor | Handle)[],
  ): OpOutput => {
    const ids = inputs.map((input) =>
      "dataId" in input ? (backend.getInputTensorIds([input])[0] as number) : input.id,
    )
    const list = Object.entries(attributes).map(([key, value]) => attribute(key, value))
    return binding.executeOp(name, list, ids, 1)[0] as OpOutput
  }
  /** @param memory what the tensor's numbers may lie in: as long as it is alive, nobody else gets it */
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
    hold(name, attributes, inputs, type) {
      const { id, shape } = execute(name, attributes, inputs)
      return handle(id, shape, type)
    },
    upload(bytes, shape, type) {
      // The binding makes no tensors of 16-bit numbers, but of bytes, and TensorFlow sees one as the other.
      const raw = handle(binding.createTensor([...shape, TYPE_BYTES[type]], TF_TYPES.U8, bytes), shape, "U8")
      const { id } = execute("Bitcast", { T: { type: "U8" }, type: { type } }, [raw])
      raw.dispose()
      return handle(id, shape, type, bytes)
    },
    adopts(values) {
      // What is used as it lies shows what is written there later.
      const id = binding.createTensor([values.length], TF_TYPES.F32, values.fill(0))
      values.fill(1)
      const isAdopted = !binding.isUsingGpuDevice() && binding.tensorDataSync(id).every((value) => value === 1)
      binding.deleteTensor(id)
      values.fill(0)
      return isAdopted
    },
  }
}

function isTensorflow(backend: tf.KernelBackend): backend is TensorflowBackend {
  return tf.getBackend() === "tensorflow" && "binding" in backend && "createOutputTensor" in backend
}
