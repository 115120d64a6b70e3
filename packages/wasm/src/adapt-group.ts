import { type AdapterGroup, adapterLayout, type Ops, vjpSeveral } from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/** LLLite's adapters that read the same x, as one node of the tape. See `Ops.adaptGroup`. */
export function createAdaptGroup(heap: Heap, kernels: Kernels): NonNullable<Ops["adaptGroup"]> {
  const { address, create, withScratch } = heap
  return (x, group, strengths) => {
    const { values, share } = group
    const { adapters, sizes, layout } = sizesOf(x, group, strengths)
    const [n, count, tokens, channels, width] = sizes
    const rows = n * tokens
    const isPlain = strengths.every((strength) => strength === 1)
    /** Addresses of one adapter's parts of tensors. */
    const valuesAt = (tensor: Tensor, i: number): number => address(tensor) + 4 * i * layout.size
    const shareAt = (tensor: Tensor, i: number): number => address(tensor) + 4 * i * count * tokens * width
    const middleAt = (tensor: Tensor, i: number): number => address(tensor) + 4 * i * rows * width
    const withStrengths = (use: (at: number) => void): void => {
      if (isPlain) {
        use(0)
        return
      }
      const tensor = tf.tensor1d([...strengths])
      use(address(tensor))
      tensor.dispose()
    }
    return vjpSeveral([x, values, share], () => {
      const [down, middle] = [create([adapters, rows, width]), create([adapters, rows, width])]
      const ys = Array.from({ length: adapters }, () => create<Tensor3D>(x.shape))
      withStrengths((strengthsAt) =>
        withScratch(kernels.adapterScratch(), (scratch) => {
          for (const [i, y] of ys.entries()) {
            const inputs = [address(x), valuesAt(values, i), shareAt(share, i), strengthsAt] as const
            const outputs = [middleAt(down, i), middleAt(middle, i), address(y)] as const
            kernels.adapter(...inputs, ...outputs, scratch, ...sizes)
          }
        }),
      )
      return {
        values: ys,
        saved: [x, values, down, middle] as const,
        gradients: (dys, [x, values, down, middle]) => {
          const [dx, dValues, dShare] = [create(x.shape), create(values.shape), create(share.shape)]
          withStrengths((strengthsAt) =>
            withScratch(kernels.adapterGradientScratch(rows, channels, width), (scratch) => {
              for (const [i, dy] of dys.entries()) {
                const inputs = [address(x), valuesAt(values, i), strengthsAt] as const
                const saved = [middleAt(down, i), middleAt(middle, i), address(dy)] as const
                const outputs = [address(dx), valuesAt(dValues, i), shareAt(dShare, i)] as const
                kernels.adapterGradient(...inputs, ...saved, ...outputs, scratch, ...sizes, i > 0)
              }
            }),
          )
          return [dx, dValues, dShare]
        },
      }
    })
  }
}

interface GroupSizes {
  readonly adapters: number
  readonly sizes: readonly [n: number, count: number, tokens: number, channels: number, width: number]
  readonly layout: { readonly size: number }
}

/** @throws WasmOpsError for tensors that do not fit each other, or another number of strengths */
function sizesOf(x: Tensor3D, { values, share }: AdapterGroup, strengths: readonly number[]): GroupSizes {
  const [n, tokens, channels] = x.shape
  const [adapters, count, shared, width] = share.shape
  const layout = adapterLayout(channels, width)
  const fits = String(values.shape) === String([adapters, layout.size]) && shared === tokens && n % count === 0
  if (fits && strengths.length === n) return { adapters, sizes: [n, count, tokens, channels, width], layout }
  throw new WasmOpsError(
    "shape",
    `adaptGroup: x [${x.shape.join(", ")}], values [${values.shape.join(", ")}], share [${share.shape.join(", ")}], ` +
      `${strengths.length} strengths; expected [N, T, C], [adapters, ${layout.size}], [adapters, a divisor of N, T, M], N`,
  )
}
