import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import type { Ops } from "../ops/ops.ts"
import { vjp, vjpSeveral } from "../ops/vjp.ts"
import type { OutlineBackend } from "./outline-backend.ts"

/** Verbs for adapters side by side that compute shapes, as `createOutlineOps` does. */
export function outlineStacks(
  backend: OutlineBackend,
  create: <T extends Tensor>(shape: readonly number[], like?: Tensor) => T,
): Required<Pick<Ops, "denseStack" | "adaptGroup">> {
  const count = (flops: number, tensors: readonly Tensor[]): void =>
    backend.count("dense", flops, backend.bytesOf(...tensors))
  return {
    denseStack(x, { weight, bias }, { inputGradient } = { inputGradient: true }) {
      const [layers, inner, out] = weight.shape
      const [, rows] = x.shape
      const flops = 2 * layers * rows * inner * out
      return vjp(inputGradient ? [x, weight, bias] : [weight, bias], () => {
        const y = create<Tensor3D>([layers, rows, out])
        count(flops, [x, weight, y])
        return {
          value: y,
          saved: [x, weight],
          gradients: (dy, [x, weight]) => {
            const made = [create(weight.shape), create(bias.shape)]
            count(flops, [x, dy, weight])
            if (!inputGradient) return made
            const dx = create(x.shape)
            count(flops, [dy, weight, dx])
            return [dx, ...made]
          },
        }
      })
    },

    adaptGroup(x, { values, share }) {
      const [n, tokens, channels] = x.shape
      const [adapters, , , width] = share.shape
      const rows = n * tokens
      const flops = 2 * adapters * rows * width * (2 * channels + width)
      return vjpSeveral<Tensor3D, readonly [Tensor, Tensor, Tensor, Tensor]>([x, values, share], () => {
        const [h, middle] = [create([adapters, rows, width]), create([adapters, rows, width])]
        const ys = Array.from({ length: adapters }, () => create<Tensor3D>(x.shape, x))
        count(flops, [x, values, share, h, middle, ...ys])
        return {
          values: ys,
          saved: [x, values, h, middle],
          gradients: (dys, [x, values, h, middle]) => {
            const [dMiddle, dSum, dh] = [create(middle.shape), create(middle.shape), create(h.shape)]
            const made = [create(x.shape, dys[0]), create(values.shape), create(share.shape)]
            count(2 * flops, [x, values, h, middle, dMiddle, dSum, dh, ...dys, ...made])
            return made
          },
        }
      })
    },
  }
}
