import { type Ops, vjp } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/** The slope of CLIP-L's quick GELU. */
const QUICK = 1.702

/** Activations. Forward and gradient each pass over the values once. */
export function createActivations(
  heap: Heap,
  kernels: Kernels,
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
    geglu(h) {
      const width = (h.shape[h.rank - 1] ?? 0) / 2
      if (!Number.isInteger(width) || width === 0) {
        throw new WasmOpsError("shape", `geglu: h is [${h.shape.join(", ")}], expected an even last axis.`)
      }
      const rows = h.size / (2 * width)
      return vjp([h], () => {
        const y = create([...h.shape.slice(0, -1), width])
        kernels.geglu(address(h), address(y), rows, width)
        return {
          value: y,
          saved: [h],
          gradients: (dy, [h]) => {
            const dh = create(h.shape)
            kernels.gegluGradient(address(h), address(dy), address(dh), rows, width)
            return [dh]
          },
        }
      })
    },
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
