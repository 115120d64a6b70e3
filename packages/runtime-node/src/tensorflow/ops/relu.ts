import type { Ops } from "@lllite/core/ops"
import { vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { TensorflowDevice } from "./device.ts"

/** max(x, 0). Its gradient is one op of TensorFlow, which reads the result. */
export function createRelu(device: TensorflowDevice): Ops["relu"] {
  return (x) =>
    vjp([x], () => {
      const y = tf.relu(x)
      return {
        value: y,
        saved: [y],
        gradients: (dy, [y]) => [device.run("ReluGrad", { T: { type: "F32" } }, [dy, y as Tensor])],
      }
    })
}
