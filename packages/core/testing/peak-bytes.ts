import type { KernelBackend, Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"

/** Where TensorFlow.js' engine hears of the memory of tensors. */
interface Engine {
  readonly state: { readonly tensorInfo: { has(dataId: object): boolean } }
  trackTensor(tensor: Tensor, backend: KernelBackend): void
  removeDataId(dataId: object, backend: KernelBackend): void
}

/** The most bytes that new tensors held at once while something ran, as the engine heard of it. */
export interface PeakBytes {
  readonly take: () => number
  readonly stop: () => void
}

/**
 * Counts what tensors hold from now on: values that several share once, where `tf.memory()` counts each. `take` gives
 * the most since it was called last.
 */
export function watchBytes(): PeakBytes {
  const engine = tf.engine() as unknown as Engine
  const own = { trackTensor: engine.trackTensor, removeDataId: engine.removeDataId }
  const sizes = new Map<object, number>()
  let held = 0
  let most = 0
  engine.trackTensor = (tensor, backend) => {
    if (!engine.state.tensorInfo.has(tensor.dataId)) {
      const bytes = 4 * tensor.size
      sizes.set(tensor.dataId, bytes)
      held += bytes
      most = Math.max(most, held)
    }
    own.trackTensor.call(engine, tensor, backend)
  }
  engine.removeDataId = (dataId, backend) => {
    held -= sizes.get(dataId) ?? 0
    sizes.delete(dataId)
    own.removeDataId.call(engine, dataId, backend)
  }
  return {
    take: () => {
      const result = most
      most = held
      return result
    },
    stop: () => void Object.assign(engine, own),
  }
}
