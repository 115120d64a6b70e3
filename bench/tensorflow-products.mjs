// TensorFlow's products of matrices one by one, without tfjs between them: for products.mjs and product-floor.mjs.
import * as tf from "@tensorflow/tfjs"
import { startBackend } from "../packages/runtime-node/dist/index.js"

const TYPES = { f32: 1, bf16: 14 }

/** Starts TensorFlow. dtype: f32 or bf16. Matrices are numbers of TensorFlow's, which `release` frees. */
export async function openProducts(dtype) {
  const type = TYPES[dtype]
  if (type === undefined) throw new Error(`--dtype is ${dtype}, expected f32 or bf16`)
  await startBackend("tensorflow")
  const { binding } = tf.backend()
  const flag = (name, value) => ({ name, type: binding.TF_ATTR_BOOL, value })
  const typed = (name, value) => ({ name, type: binding.TF_ATTR_TYPE, value })
  return {
    /** Bytes of a number. */
    bytes: type === TYPES.f32 ? 4 : 2,
    /** A matrix of values between -0.5 and 0.5. */
    create(shape) {
      const count = shape.reduce((product, size) => product * size, 1)
      const values = Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5)
      const id = binding.createTensor(shape, TYPES.f32, values)
      if (type === TYPES.f32) return id
      const attributes = [typed("SrcT", TYPES.f32), typed("DstT", type), flag("Truncate", false)]
      const [{ id: low }] = binding.executeOp("Cast", attributes, [id], 1)
      binding.deleteTensor(id)
      return low
    },
    release(ids) {
      for (const id of ids) binding.deleteTensor(id)
    },
    /** CPU seconds of some products, each of two matrices that the op transposes if asked to. */
    secondsOf(count, pairOf, [isFirstTurned, isSecondTurned]) {
      const attributes = [flag("transpose_a", isFirstTurned), flag("transpose_b", isSecondTurned), typed("T", type)]
      const before = process.cpuUsage()
      for (let i = 0; i < count; i++) binding.deleteTensor(binding.executeOp("MatMul", attributes, pairOf(i), 1)[0].id)
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1e6
    },
  }
}

export function median(list) {
  return list.toSorted((a, b) => a - b)[list.length >> 1]
}
