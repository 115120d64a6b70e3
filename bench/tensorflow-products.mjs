// TensorFlow's products of matrices one by one, without tfjs between them: for products.mjs and product-floor.mjs.
import * as tf from "@tensorflow/tfjs"
import { startBackend } from "../packages/runtime-node/dist/index.js"

const TYPES = { f32: 1, bf16: 14, f16: 19 }

/** Starts TensorFlow. dtype: f32 or bf16. Matrices are numbers of TensorFlow's, which `release` frees. */
export async function openProducts(dtype) {
  const type = TYPES[dtype]
  if (dtype !== "f32" && dtype !== "bf16") throw new Error(`--dtype is ${dtype}, expected f32 or bf16`)
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
      const id = binding.createTensor(shape, TYPES.f32, madeUp(count))
      return type === TYPES.f32 ? id : castOf(id, type)
    },
    /** The same matrix in float16. It is released with the others. */
    halfOf: (shape) => castOf(binding.createTensor(shape, TYPES.f32, madeUp(shape[0] * shape[1])), TYPES.f16),
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
    /** CPU seconds of some products by our own op: x Wᵀ, or x W for `contractsRows`. W is [out, in]. */
    ownSecondsOf(count, pairOf, { tokens, inner, out, contractsRows, weight }) {
      const [width, y] = contractsRows ? [out, inner] : [inner, out]
      const number = (name, value) => ({ name, type: binding.TF_ATTR_INT, value })
      const attributes = [
        ...[typed("T", type), typed("W", TYPES[weight]), typed("U", type)],
        ...[number("samples", 1), number("tokens", tokens), number("width", width), number("out", y)],
        ...[number("shape", [tokens, y]), flag("contracts_rows", contractsRows)],
      ]
      const before = process.cpuUsage()
      for (let i = 0; i < count; i++) {
        binding.deleteTensor(binding.executeOp("LlliteProduct", attributes, pairOf(i), 1)[0].id)
      }
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1e6
    },
  }

  function castOf(id, to) {
    const attributes = [typed("SrcT", TYPES.f32), typed("DstT", to), flag("Truncate", false)]
    const [{ id: low }] = binding.executeOp("Cast", attributes, [id], 1)
    binding.deleteTensor(id)
    return low
  }
}

/** Values that repeat after a thousand. */
function madeUp(count) {
  const values = new Float32Array(count)
  const first = Math.min(1000, count)
  for (let i = 0; i < first; i++) values[i] = ((i * 7919) % 1000) / 1000 - 0.5
  for (let filled = first; filled < count; filled *= 2) values.copyWithin(filled, 0, Math.min(filled, count - filled))
  return values
}

export function median(list) {
  return list.toSorted((a, b) => a - b)[list.length >> 1]
}
