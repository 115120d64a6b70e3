import type { Tensor } from "@tensorflow/tfjs-core"
import { InputError } from "../../errors.ts"
import type { AttributeValue, Handle, TensorflowDevice } from "./device.ts"

/** The type in which products with frozen weights are computed; sums and results are float32 in any case. */
export type ComputeType = "F32" | "BF16"

/** What TensorFlow's gradient of a convolution needs besides. */
export interface MultiplyOptions {
  /** Shape of the result. */
  readonly sizes?: Tensor
}

/** An op on a tensor and a frozen weight, in the type of computation. */
export type Multiply = (
  name: string,
  attributes: Readonly<Record<string, AttributeValue>>,
  x: Tensor,
  weight: Handle,
  options?: MultiplyOptions,
) => Tensor

/** Products with weights that are cast for the moment in which they are used. */
export function createMultiply(device: TensorflowDevice, compute: ComputeType): Multiply {
  const cast = (input: Tensor | Handle, from: Handle["type"]): Handle =>
    device.hold("Cast", { SrcT: { type: from }, DstT: { type: compute }, Truncate: false }, [input], compute)
  return (name, attributes, x, weight, { sizes } = {}) => {
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

export function expectWidth(op: string, x: Tensor, width: number): void {
  if (x.shape[x.rank - 1] === width) return
  throw new InputError(`${op}: x is [${x.shape.join(", ")}], expected a last axis of ${width}`)
}
