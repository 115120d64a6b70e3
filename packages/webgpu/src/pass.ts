import type { RepeatedPass } from "@lllite/core/ops"
import type { Tensor, TensorInfo } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { GuardedBackend } from "./device/backend.ts"
import type { KnownPass, PassRecord } from "./device/pass-recorder.ts"
import { boundTo, bufferOf, createTensor, isFloat32, storageOf } from "./device/tensors.ts"

/**
 * Runs a pass by its record, which its second run makes. A run by record copies the inputs to the record's own buffers,
 * and encodes the recorded dispatches again: nothing else of the pass runs on the host. It has the bits of a run without.
 * A pass with a command that is not this package's has no record.
 */
export function runPass<T extends Tensor>(backend: GuardedBackend, pass: RepeatedPass<T>): T {
  const { passes } = backend
  const { inputs, reads, run } = pass
  const once = (): T => tf.tidy(() => run(inputs))
  const tensors = [...inputs, ...reads.filter(isTensor)]
  if (passes.isRecording || !tensors.every((tensor) => isFloat32(backend, tensor))) return once()
  const key = keyOf(backend, pass)
  const known = passes.find(key)
  if (known === null || known.record === null) return once()
  if (known.record === undefined) return recorded(backend, { ...pass, key }, known)
  return repeated<T>(backend, known.record, inputs)
}

function isTensor(read: object): read is Tensor {
  return "dataId" in read
}

/** The pass's key, with what it reads and the shapes of its inputs. */
function keyOf(backend: GuardedBackend, { key, inputs, reads }: RepeatedPass<Tensor>): string {
  const { passes } = backend
  const shapes = inputs.map((input) => `${input.shape.join("×")}${storageOf(backend, input)}`)
  const named = reads.map((read) =>
    isTensor(read) ? `${passes.numberOf(read.dataId)}:${read.shape.join("×")}` : passes.numberOf(read),
  )
  return `${key} ${shapes.join(" ")} ${named.join(" ")}`
}

/** Runs a pass on copies of its inputs, and records it. */
function recorded<T extends Tensor>(
  backend: GuardedBackend,
  { key, inputs, reads, run }: RepeatedPass<T>,
  known: KnownPass,
): T {
  const { passes, commands } = backend
  // What is uploaded while it is recorded is a constant of the pass.
  for (const tensor of [...inputs, ...reads.filter(isTensor)]) bufferOf(backend, tensor)
  const before = tf.memory().numTensors
  const copies: Tensor[] = []
  const refuse = (ended: ReturnType<typeof passes.end>): void => {
    passes.refuse(key, ended?.constants ?? [])
    tf.dispose(copies)
  }
  let result: T
  passes.begin()
  try {
    for (const input of inputs) {
      const copy = tensorOf(backend, createTensor(backend, input.shape, storageOf(backend, input)))
      copies.push(copy)
      commands.copy(boundTo(backend, input), bufferOf(backend, copy))
    }
    result = tf.tidy(() => run(copies))
  } catch (cause) {
    refuse(passes.end())
    throw cause
  }
  const ended = passes.end()
  // A tensor that outlives the pass would change with every run.
  const isWhole = tf.memory().numTensors === before + copies.length + 1
  if (ended === null || !isWhole || !isFloat32(backend, result)) {
    refuse(ended)
    return result
  }
  const { recording, placeOf } = passes.plan(ended)
  const end = ended.recording.dispatches.length
  const place = (buffer: GPUBuffer): GPUBuffer => placeOf(buffer, end) ?? buffer
  const { buffer, offset = 0, size = buffer.size } = boundTo(backend, result)
  known.record = {
    ...{ recording, constants: ended.constants },
    inputs: copies.map((copy) => place(bufferOf(backend, copy))),
    result: { buffer: place(buffer), offset, size },
    ...{ shape: result.shape, storage: storageOf(backend, result) },
  }
  tf.dispose(copies)
  return result
}

function repeated<T extends Tensor>(backend: GuardedBackend, record: PassRecord, inputs: readonly Tensor[]): T {
  const { commands } = backend
  for (const [i, input] of inputs.entries()) commands.copy(boundTo(backend, input), record.inputs[i] as GPUBuffer)
  commands.repeat(record.recording)
  return copied<T>(backend, record)
}

/** A record's result as a tensor that nothing else writes. */
function copied<T extends Tensor>(backend: GuardedBackend, { result, shape, storage }: PassRecord): T {
  const value = createTensor(backend, shape, storage)
  backend.commands.copy(result, bufferOf(backend, value))
  return tensorOf(backend, value) as T
}

function tensorOf(backend: GuardedBackend, info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info, backend)
}
