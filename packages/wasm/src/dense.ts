import { type DenseStack, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import { expectShape, WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/**
 * Products with weights that train. The backend's own products pack a weight before its first use. That saves time only
 * for a frozen weight, since a training weight changes with every step. The backend's gradients also transpose
 * operands.
 */
export function createDense(
  heap: Heap,
  kernels: Kernels,
): Required<Pick<Ops, "dense" | "denseStack" | "denseStackSlopes">> {
  const { address, create, withScratch } = heap
  const at = (tensor: Tensor | null, start: number): number => (tensor === null ? 0 : address(tensor) + 4 * start)
  // Layers that read one x begin at the same place.
  const readAt = (tensor: Tensor | null, { xs, rows, inner }: Sizes, layer: number): number =>
    at(tensor, xs === 1 ? 0 : layer * rows * inner)
  const forward = (sizes: Sizes, { x, weight, bias }: Layers, shape: readonly number[]): Tensor => {
    const { count, rows, inner, out } = sizes
    const y = create(shape)
    withScratch(kernels.denseScratch(), (scratch) => {
      for (let i = 0; i < count; i++) {
        const layer = [readAt(x, sizes, i), at(weight, i * inner * out), at(bias, i * out)] as const
        kernels.dense(...layer, at(y, i * rows * out), scratch, rows, inner, out)
      }
    })
    return y
  }
  /** The slopes at x, weight and bias, as far as there are any. */
  const back = (sizes: Sizes, layers: Layers, dy: Tensor, isRectified: boolean): Tensor[] => {
    const { x, weight, bias, inputGradient } = layers
    const { count, xs, rows, inner, out } = sizes
    const dx = inputGradient ? create(x.shape) : null
    const dWeight = create(weight.shape)
    const dBias = bias === null ? null : create<Tensor>(bias.shape)
    withScratch(kernels.denseGradientScratch(inner, out), (scratch) => {
      for (let i = 0; i < count; i++) {
        const read = [readAt(x, sizes, i), at(weight, i * inner * out), at(dy, i * rows * out)] as const
        const slopes = [readAt(dx, sizes, i), at(dWeight, i * inner * out), at(dBias, i * out)] as const
        kernels.denseGradient(...read, ...slopes, scratch, rows, inner, out, xs === 1 && i > 0)
        const isWhole = xs === count || i === count - 1
        if (dx !== null && isRectified && isWhole) kernels.reluGradient(read[0], slopes[0], slopes[0], rows * inner)
      }
    })
    return [dx, dWeight, dBias].filter((tensor) => tensor !== null)
  }
  /** Layers of one shape. x: [1 or count, rows, inner], weight: [count, inner, out], bias: [count, out] */
  const run = (sizes: Sizes, layers: Layers, shape: readonly number[]): Tensor => {
    const { x, weight, bias, inputGradient } = layers
    const inputs = [inputGradient ? x : null, weight, bias].filter((tensor) => tensor !== null)
    return vjp(inputs, () => ({
      value: forward(sizes, layers, shape),
      saved: [x, weight],
      gradients: (dy, [x, weight]) => back(sizes, { x, weight, bias, inputGradient }, dy, false),
    }))
  }
  const stackSizes = (x: Tensor3D, { weight, bias }: DenseStack): Sizes => {
    const [xs, rows, width] = x.shape
    const [count, inner, out] = weight.shape
    if (width === inner && (xs === 1 || xs === count) && bias.size === count * out) {
      return { count, xs, rows, inner, out }
    }
    throw new WasmOpsError(
      "shape",
      `denseStack: x [${x.shape.join(", ")}], weight [${weight.shape.join(", ")}], bias [${bias.shape.join(", ")}]; ` +
        "expected [1 or count, rows, in], [count, in, out], [count · out]",
    )
  }
  return {
    dense(x, weight, bias, { inputGradient } = { inputGradient: true }) {
      const [inner, out] = weight.shape as [number, number]
      if (weight.rank !== 2 || x.shape[x.rank - 1] !== inner || (bias !== null && bias.size !== out)) {
        throw new WasmOpsError(
          "shape",
          `dense: x [${x.shape.join(", ")}], weight [${weight.shape.join(", ")}], bias [${bias?.shape.join(", ") ?? "none"}]; ` +
            "expected [..., in], [in, out], [out]",
        )
      }
      const sizes = { count: 1, xs: 1, rows: x.size / inner, inner, out }
      return run(sizes, { x, weight, bias, inputGradient }, [...x.shape.slice(0, -1), out])
    },
    denseStack(x, layers, { inputGradient } = { inputGradient: true }) {
      const sizes = stackSizes(x, layers)
      return run(sizes, { x, ...layers, inputGradient }, [sizes.count, sizes.rows, sizes.out]) as Tensor3D
    },
    denseStackSlopes(x, layers, dy, { inputGradient, isRectified = false } = { inputGradient: true }) {
      const sizes = stackSizes(x, layers)
      expectShape("denseStackSlopes: the slope", dy, [sizes.count, sizes.rows, sizes.out])
      return back(sizes, { x, ...layers, inputGradient }, dy, isRectified)
    },
  }
}

interface Sizes {
  readonly count: number
  /** Inputs: one for all layers, or one each. */
  readonly xs: number
  readonly rows: number
  readonly inner: number
  readonly out: number
}

interface Layers {
  readonly x: Tensor
  readonly weight: Tensor
  readonly bias: Tensor | null
  readonly inputGradient: boolean
}
