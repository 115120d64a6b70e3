import type { Ops } from "@lllite/core/ops"
import { vjp } from "@lllite/core/ops"
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { TensorflowDevice } from "./device.ts"
import type { Multiply } from "./multiply.ts"
import { expectWidth } from "./multiply.ts"
import type { HeldLinear } from "./weights.ts"

/** Matrix products: `linear` with frozen weights, and `dense` with weights that train. */
export function createProducts(device: TensorflowDevice, multiply: Multiply): Pick<Ops, "linear" | "dense"> {
  /** tf.matMul is BatchMatMul. TensorFlow joins a bias and a ReLU with MatMul alone. */
  const matMul = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor =>
    device.run("MatMul", { transpose_a: transposeA, transpose_b: transposeB, T: { type: "F32" } }, [a, b])
  return {
    linear(x, weight) {
      const { matrix, bias } = weight as HeldLinear
      const [out = 0, inner = 0] = matrix.shape
      expectWidth("linear", x, inner)
      return vjp([x], () => {
        const attributes = { transpose_a: false, transpose_b: true }
        const read = rows(x)
        const y = multiply({ name: "MatMul", attributes, x: read, weight: matrix, shape: [read.shape[0], out] })
        return {
          value: tf.reshape(bias === null ? y : tf.add(y, bias), [...x.shape.slice(0, -1), out]),
          saved: [],
          gradients: (dy) => {
            const attributes = { transpose_a: false, transpose_b: false }
            const slopes = rows(dy)
            const shape = [slopes.shape[0], inner]
            return [tf.reshape(multiply({ name: "MatMul", attributes, x: slopes, weight: matrix, shape }), x.shape)]
          },
        }
      })
    },

    dense(x, weight, bias) {
      const [inner, out] = weight.shape as [number, number]
      expectWidth("dense", x, inner)
      return vjp(bias === null ? [x, weight] : [x, weight, bias], () => {
        const y = matMul(rows(x), weight, false, false)
        return {
          value: tf.reshape(bias === null ? y : tf.add(y, bias), [...x.shape.slice(0, -1), out]),
          saved: [x, weight],
          gradients: (dy, [x, weight]) => {
            const incoming = rows(dy)
            const dx = tf.reshape(matMul(incoming, weight as Tensor, false, true), x.shape)
            const dWeight = matMul(rows(x), incoming, true, false)
            return bias === null ? [dx, dWeight] : [dx, dWeight, tf.sum(incoming, 0)]
          },
        }
      })
    },
  }
}

function rows(x: Tensor): Tensor2D {
  return tf.reshape(x, [-1, x.shape[x.rank - 1] ?? 1])
}
