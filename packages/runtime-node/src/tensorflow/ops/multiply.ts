import type { Tensor } from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"
import type { AttributeValue, Handle, TensorflowDevice } from "./device.ts"

/** The number type in which products with frozen weights are computed. Sums and results are always float32. */
export type ComputeType = "F32" | "BF16"

/** Further inputs, for TensorFlow's gradient of a convolution. */
export interface MultiplyOptions {
  /** Shape of the result. */
  readonly sizes?: Tensor
}

/** Runs an op on a tensor and a frozen weight, in the compute type. */
export type Multiply = (
  name: string,
  attributes: Readonly<Record<string, AttributeValue>>,
  x: Tensor,
  weight: Handle,
  options?: MultiplyOptions,
) => Tensor

/** Creates products with frozen weights. A weight of another type is cast for each product. */
export function createMultiply(device: TensorflowDevice, compute: ComputeType): Multiply {
  const cast = (input: Tensor | Handle, from: Handle["type"]): Handle =>
    device.hold("Cast", { SrcT: { type: from }, DstT: { type: compute }, Truncate: false }, [input], compute)
  return (name, attributes, x, weight, { sizes } = {}) => {
    const temporaries: Handle[] = []
    const temporary = (handle: Handle): Handle => {
      temporaries.push(handle)
      return handle
    }
    try {
      const w = weight.type === compute ? weight : temporary(cast(weight, weight.type))
      const input = compute === "F32" ? x : temporary(cast(x, "F32"))
      const operands = sizes === undefined ? [input, w] : [sizes, w, input]
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
