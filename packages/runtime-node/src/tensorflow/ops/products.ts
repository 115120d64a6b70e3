import type { Ops } from "@lllite/core"
import { vjp } from "@lllite/core"
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"
import type { AttributeValue, Handle, TensorflowDevice } from "./device.ts"
import type { HeldConv2d, HeldLinear } from "./weights.ts"

/** The type in which products with frozen weights are computed; sums and results are float32 in any case. */
export type ComputeType = "F32" | "BF16"

/** Products: with frozen weights, cast for the moment in which they are used, and with weights that train. */
export function createProducts(
  device: TensorflowDevice,
  compute: ComputeType,
): Pick<Ops, "linear" | "conv2d" | "dense"> {
  const multiply = createMultiply(device, compute)
  return {
    linear(x, weight) {
      const { matrix, bias } = weight as HeldLinear
      const [out = 0, inner = 0] = matrix.shape
      expectWidth("linear", x, inner)
      return vjp([x], () => {
        const attributes = { transpose_a: false, transpose_b: true }
        const y = multiply("MatMul", attributes, rows(x), matrix)
        return {
          value: tf.reshape(bias === null ? y : tf.add(y, bias), [...x.shape.slice(0, -1), out]),
          saved: [],
          gradients: (dy) => {
            const attributes = { transpose_a: false, transpose_b: false }
            return [tf.reshape(multiply("MatMul", attributes, rows(dy), matrix), x.shape)]
          },
        }
      })
    },

    conv2d(x, weight, { stride, padding }) {
      const { filter, bias } = weight as HeldConv2d
      const [kernelHeight = 0, kernelWidth = 0, inner = 0] = filter.shape
      expectWidth("conv2d", x, inner)
      const [top, bottom, left, right] = padding
      const isNone = top === 0 && bottom === 0 && left === 0 && right === 0
      const isSame = stride === 1 && 2 * top === kernelHeight - 1 && 2 * left === kernelWidth - 1
      const mode = isNone
        ? { padding: "VALID" }
        : isSame && top === bottom && left === right
          ? { padding: "SAME" }
          : { padding: "EXPLICIT", explicit_paddings: [0, 0, top, bottom, left, right, 0, 0] }
      const attributes = { ...mode, strides: [1, stride, stride, 1], data_format: "NHWC" }
      return vjp([x], () => {
        const y = multiply("Conv2D", attributes, x, filter)
        return {
          value: (bias === null ? y : tf.add(y, bias)) as Tensor4D,
          saved: [],
          gradients: (dy) => {
            const shape = tf.tensor1d(x.shape, "int32")
            return [multiply("Conv2DBackpropInput", attributes, dy, filter, shape)]
          },
        }
      })
    },

    dense(x, weight, bias) {
      const [inner, out] = weight.shape as [number, number]
      expectWidth("dense", x, inner)
      return vjp(bias === null ? [x, weight] : [x, weight, bias], () => {
        const y = tf.matMul(rows(x), weight as Tensor2D)
        return {
          value: tf.reshape(bias === null ? y : tf.add(y, bias), [...x.shape.slice(0, -1), out]),
          saved: [x, weight],
          gradients: (dy, [x, weight]) => {
            const incoming = rows(dy)
            const dx = tf.reshape(tf.matMul(incoming, weight as Tensor2D, false, true), x.shape)
            const dWeight = tf.matMul(rows(x), incoming, true, false)
            return bias === null ? [dx, dWeight] : [dx, dWeight, tf.sum(incoming, 0)]
          },
        }
      })
    },
  }
}

/** An op on a tensor and a frozen weight, in the type of computation. A gradient is given its result's `sizes`. */
type Multiply = (
  name: string,
  attributes: Readonly<Record<string, AttributeValue>>,
  x: Tensor,
  weight: Handle,
  sizes?: Tensor,
) => Tensor

function createMultiply(device: TensorflowDevice, compute: ComputeType): Multiply {
  const cast = (input: Tensor | Handle, from: Handle["type"]): Handle =>
    device.hold("Cast", { SrcT: { type: from }, DstT: { type: compute }, Truncate: false }, [input], compute)
  return (name, attributes, x, weight, sizes) => {
    const made: Handle[] = []
    const own = (handle: Handle): Handle => {
      made.push(handle)
      return handle
    }
    try {
      const w = weight.type === compute ? weight : own(cast(weight, weight.type))
      const given = compute === "F32" ? x : own(cast(x, "F32"))
      const operands = sizes === undefined ? [given, w] : [sizes, w, given]
      const typed = { ...attributes, T: { type: compute } } as const
      if (compute === "F32") return device.run(name, typed, operands)
      const product = own(device.hold(name, typed, operands, compute))
      return device.run("Cast", { SrcT: { type: compute }, DstT: { type: "F32" }, Truncate: false }, [product])
    } finally {
      for (const handle of made) handle.dispose()
    }
  }
}

function rows(x: Tensor): Tensor2D {
  return tf.reshape(x, [-1, x.shape[x.rank - 1] ?? 1])
}

function expectWidth(op: string, x: Tensor, width: number): void {
  if (x.shape[x.rank - 1] === width) return
  throw new InputError(`${op}: x is [${x.shape.join(", ")}], expected a last axis of ${width}`)
}
