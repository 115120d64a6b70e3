import type { KernelBackend, Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"

/** The methods by which TensorFlow.js' engine counts tensors. */
interface Engine {
  readonly state: { readonly tensorInfo: { has(dataId: object): boolean } }
  trackTensor(tensor: Tensor, backend: KernelBackend): void
  removeDataId(dataId: object, backend: KernelBackend): void
}

/** The most bytes that new tensors held at one time, by the engine's count. */
export interface PeakBytes {
  readonly take: () => number
  readonly stop: () => void
}

/**
 * Counts the bytes of tensors from now on. Values that tensors share count once, and `tf.memory()` counts them for each
 * tensor. `take` gives the most since its last call.
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
