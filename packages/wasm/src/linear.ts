import { type LinearWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { GegluRun } from "./activation.ts"
import type { AttentionRun } from "./attention.ts"
import { expectShape, WasmOpsError } from "./errors.ts"
import { type PackedMatrix, packMatrix } from "./frozen-weight.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

interface WasmLinear extends LinearWeight, PackedMatrix {}

type LinearVerbs = Required<Pick<Ops, "linear" | "linearPlus" | "linearEach" | "linearGeglu" | "selfAttention">>

/** Products with frozen weights, alone and with what follows them, and their loader. */
export function createLinear(
  heap: Heap,
  kernels: Kernels,
  { attend, geglu }: { readonly attend: AttentionRun; readonly geglu: GegluRun },
): LinearVerbs & { readonly load: Ops["load"]["linear"] } {
  const { address } = heap
  /** Writes or adds x w to y. */
  const multiply = (x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor, accumulate: boolean): void =>
    heap.withScratch(kernels.linearScratch(), (scratch) => {
      const [inner, out] = [x.shape[x.rank - 1] ?? 1, y.shape[y.rank - 1] ?? 1]
      const tensors = [address(x), address(weight), bias === null ? 0 : address(bias), address(y)] as const
      kernels.linear(...tensors, scratch, x.size / inner, inner, out, accumulate)
    })
  const forward = (x: Tensor, weight: LinearWeight): Tensor => {
    const { packed, bias, shape } = weight as WasmLinear
    const [out, inner] = shape as [number, number]
    if (x.shape[x.rank - 1] !== inner) {
      throw new WasmOpsError("shape", `linear: x is [${x.shape.join(", ")}], expected a last axis of ${inner}.`)
    }
    const y = heap.create([...x.shape.slice(0, -1), out])
    multiply(x, packed, bias, y, false)
    return y
  }
  /** The slope at x, as a new tensor or added to another slope at x. */
  const back = (dy: Tensor, weight: LinearWeight, sum?: Tensor): Tensor => {
    const { packedBackward, shape } = weight as WasmLinear
    const dx = sum ?? heap.create([...dy.shape.slice(0, -1), shape[1] as number])
    multiply(dy, packedBackward(), null, dx, sum !== undefined)
    return dx
  }
  const linear: Ops["linear"] = (x, weight) =>
    vjp([x], () => ({ value: forward(x, weight), saved: [], gradients: (dy) => [back(dy, weight)] }))
  return {
    load: async (weight, bias): Promise<WasmLinear> => ({
      kind: "linear",
      shape: weight.shape,
      ...(await packMatrix(heap, kernels, weight, bias, 2)),
    }),
    linear,
    linearPlus: (x, weight, plus) =>
      vjp([x, plus], () => {
        const y = forward(x, weight)
        expectShape("linearPlus: what is added", plus, y.shape)
        kernels.addTo(address(y), address(plus), y.size)
        return { value: y, saved: [], gradients: (dy) => [back(dy, weight), tf.clone(dy)] }
      }),
    linearEach: (x, weights) => weights.map((weight) => linear(x, weight)),
    linearGeglu: (x, weight) =>
      vjp([x], () => {
        const h = forward(x, weight)
        return {
          value: geglu.forward(h),
          saved: [h],
          gradients: (dy, [h]) => [back(geglu.back(h, dy), weight)],
        }
      }),
    selfAttention(xs, layers, options) {
      const [x, ...others] = xs
      const isOne = others.every((other) => other === x)
      return vjp(isOne ? [x] : xs, () => {
        const [q, k, v] = xs.map((x, i) => forward(x, layers[i] as LinearWeight)) as [Tensor3D, Tensor3D, Tensor3D]
        const { y, stats } = attend.forward([q, k, v], options)
        return {
          value: y,
          saved: [q, k, v, stats] as const,
          gradients: (dy, [q, k, v, stats]) => {
            const slopes = attend.back([q, k, v], stats, dy, { ...options, keysGradient: true })
            const [first, ...rest] = slopes.map((slope, i) => [slope, layers[i] as LinearWeight] as const)
            if (first === undefined || !isOne) return slopes.map((slope, i) => back(slope, layers[i] as LinearWeight))
            return [rest.reduce((sum, [slope, layer]) => back(slope, layer, sum), back(...first))]
          },
        }
      })
    },
  }
}
