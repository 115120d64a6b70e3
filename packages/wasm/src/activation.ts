import { type Ops, vjp } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/** The slope of CLIP-L's quick GELU. */
const QUICK = 1.702

/** The two passes of a GEGLU. */
export interface GegluRun {
  readonly forward: (h: tf.Tensor) => tf.Tensor
  readonly back: (h: tf.Tensor, dy: tf.Tensor) => tf.Tensor
}

/** GEGLU. Forward and gradient each pass over the values once. */
export function createGegluRun({ address, create }: Heap, kernels: Kernels): GegluRun {
  const sizesOf = (h: tf.Tensor): readonly [rows: number, width: number] => {
    const width = (h.shape[h.rank - 1] ?? 0) / 2
    if (Number.isInteger(width) && width > 0) return [h.size / (2 * width), width]
    throw new WasmOpsError("shape", `geglu: h is [${h.shape.join(", ")}], expected an even last axis.`)
  }
  return {
    forward(h) {
      const [rows, width] = sizesOf(h)
      const y = create([...h.shape.slice(0, -1), width])
      kernels.geglu(address(h), address(y), rows, width)
      return y
    },
    back(h, dy) {
      const dh = create(h.shape)
      kernels.gegluGradient(address(h), address(dy), address(dh), ...sizesOf(h))
      return dh
    },
  }
}

/** Activations. Forward and gradient each pass over the values once. */
export function createActivations(
  heap: Heap,
  kernels: Kernels,
  geglu: GegluRun,
): Pick<Ops, "geglu" | "gelu" | "quickGelu" | "relu" | "silu"> {
  const { address, create } = heap
  const swish = (x: tf.Tensor, beta: number): tf.Tensor =>
    vjp([x], () => {
      const y = create(x.shape)
      kernels.swish(address(x), address(y), x.size, beta)
      return {
        value: y,
        saved: [x],
        gradients: (dy, [x]) => {
          const dx = create(x.shape)
          kernels.swishGradient(address(x), address(dy), address(dx), x.size, beta)
          return [dx]
        },
      }
    })
  return {
    silu: (x) => swish(x, 1),
    quickGelu: (x) => swish(x, QUICK),
    gelu: (x) =>
      vjp([x], () => {
        const y = create(x.shape)
        kernels.gelu(address(x), address(y), x.size)
        return {
          value: y,
          saved: [x],
          gradients: (dy, [x]) => {
            const dx = create(x.shape)
            kernels.geluGradient(address(x), address(dy), address(dx), x.size)
            return [dx]
          },
        }
      }),
    geglu: (h) =>
      vjp([h], () => ({
        value: geglu.forward(h),
        saved: [h],
        gradients: (dy, [h]) => [geglu.back(h, dy)],
      })),
    relu: (x) =>
      vjp([x], () => {
        const y = tf.relu(x)
        return {
          value: y,
          saved: [y],
          gradients: (dy, [y]) => {
            const dx = create(y.shape)
            kernels.reluGradient(address(y), address(dy), address(dx), y.size)
            return [dx]
          },
        }
      }),
  }
}
