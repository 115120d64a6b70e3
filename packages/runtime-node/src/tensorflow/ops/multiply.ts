import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"
import type { Handle, TensorflowDevice } from "./device.ts"
import type { MultiplyCall } from "./own-multiply.ts"
import { multiplyByOwn } from "./own-multiply.ts"

/** The number type in which products with frozen weights are computed. Sums and results are always float32. */
export type ComputeType = "F32" | "BF16"

/** Runs an op on a tensor and a frozen weight, in the compute type. The caller's tidy disposes what it makes. */
export type Multiply = (call: MultiplyCall) => Tensor

/**
 * Creates products with frozen weights. For an op of TensorFlow, a weight of another type is cast for each product.
 *
 * @param hasOwn whether our own product is used now, where it is faster. Default: never
 */
export function createMultiply(
  device: TensorflowDevice,
  compute: ComputeType,
  hasOwn: () => boolean = () => false,
): Multiply {
  const cast = (input: Tensor | Handle, from: Handle["type"]): Handle =>
    device.hold("Cast", { SrcT: { type: from }, DstT: { type: compute }, Truncate: false }, [input], compute)
  return (call) => {
    const own = hasOwn() ? multiplyByOwn(device, call) : null
    if (own !== null) return own
    const { name, attributes, x, weight, shape } = call
    const temporaries: Handle[] = []
    const temporary = (handle: Handle): Handle => {
      temporaries.push(handle)
      return handle
    }
    try {
      const w = weight.type === compute ? weight : temporary(cast(weight, weight.type))
      const input = compute === "F32" ? x : temporary(cast(x, "F32"))
      const isGradient = name === "Conv2DBackpropInput"
      const operands = isGradient ? [tf.tensor1d([...shape], "int32"), w, input] : [input, w]
      const typed = { ...attributes, T: { type: compute } } as const
      if (compute === "F32") return device.run(name, typed, operands)
      const product = temporary(device.hold(name, typed, operands, compute))
      return device.run("Cast", { SrcT: { type: compute }, DstT: { type: "F32" }, Truncate: false }, [product])
    } finally {
      for (const handle of temporaries) handle.dispose()
    }
  }
}

export function expectWidth(op: string, x: Tensor, width: number): void {
  if (x.shape[x.rank - 1] === width) return
  throw new InputError("shape", `${op}: x is [${x.shape.join(", ")}], expected a last axis of ${width}.`)
}
