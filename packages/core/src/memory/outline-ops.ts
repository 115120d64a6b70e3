import type { Dtype } from "@lllite/format"
import type { Tensor, Tensor1D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import type { FilterUse } from "../ops/filter-tiles.ts"
import { filterTileBytes, filterTileSide } from "../ops/filter-tiles.ts"
import type { LinearWeight, NormWeight, Ops, TableWeight, WeightLoader } from "../ops/ops.ts"
import { vjp } from "../ops/vjp.ts"
import type { OutlineBackend } from "./outline-backend.ts"
import { outlinePasses } from "./outline-pass.ts"
import { outlineStacks } from "./outline-stacks.ts"

/** How one runtime's ops take memory differently from another's. */
export interface OutlineOptions {
  /** Bytes of one value of a frozen product's weight, by the file's dtype. Values of norms and biases are float32. */
  readonly weightBytes: (dtype: Dtype) => number
  /** Whether a frozen weight is held a second time after a gradient has passed it. Default: false. */
  readonly backwardCopies?: boolean
  /** Whether filters of 3 × 3 run in tiles, in a layout of their own for each direction. Default: false. */
  readonly filterTiles?: boolean
  /** Whether a bias is added in a separate pass. Default: false. */
  readonly apartBias?: boolean
  /** Whether memory is kept for later tensors of the same size. A trim frees the large pieces. Default: false. */
  readonly pooled?: boolean
  /**
   * Whether layers of adapters are computed side by side. Then conditioners run before the blocks of a training step.
   * Default: false.
   */
  readonly stacks?: boolean
  /** Whether values between a U-Net's layers are stored in float16. Default: false. */
  readonly halves?: boolean
  /** Bytes of the largest tensor that the device takes. */
  readonly maxTensorBytes?: number
}

/** @throws CoreError for a value that does not say how ops take memory */
export function checkFootprint(place: string, footprint: unknown): void {
  checkGiven(`${place}: the footprint`, footprint, "weightBytes", "core, as COMPOSED_FOOTPRINT,")
  const { weightBytes, adjust } = footprint as { readonly weightBytes: unknown; readonly adjust?: unknown }
  checkArgument(`${place}: weightBytes of the footprint`, weightBytes, "a function")
  if (adjust !== undefined) checkArgument(`${place}: adjust of the footprint`, adjust, "a function")
}

/** A weight that has only a size. */
interface OutlineWeight extends LinearWeight {
  readonly holdTransposed: () => void
  /** Holds the layout in tiles of a direction, if the filter runs so. Otherwise it returns false. */
  readonly holdTiles: (direction: "forward" | "backward", use: Omit<FilterUse, "filter">) => boolean
}

/** A norm's scale and shift, without values. */
export interface OutlineNorm extends NormWeight {
  readonly scale: Tensor1D
  readonly shift: Tensor1D
}

/**
 * Ops that compute shapes on an {@link OutlineBackend}, and count the work. They take, save and free memory as fused
 * kernels do. That is a result and a few numbers for each row or group, without scores and patches.
 */
export function createOutlineOps(backend: OutlineBackend, options: OutlineOptions): Ops {
  /** @param like a tensor whose storage the result has. Default: float32 */
  const create = <T extends Tensor>(shape: readonly number[], like: Tensor | null = null): T => {
    const isHalf = like !== null && backend.isHalf(like)
    return tf.engine().makeTensorFromTensorInfo(backend.makeOutput(shape, "float32", isHalf), backend) as T
  }

  /** A product's result. Where the bias is added in a separate pass, a result without the bias comes first. */
  const product = <T extends Tensor>(shape: readonly number[], like: Tensor | null = null): T => {
    if (options.apartBias === true) create(shape, like)
    return create(shape, like)
  }

  const countProduct = (kind: string, flops: number, x: Tensor, y: Tensor, weightBytes: number): void =>
    backend.count(kind, flops, backend.bytesOf(x, y) + weightBytes)

  /** A copy in float16 or float32. Its gradient is in the other. */
  const copied = (x: Tensor, isHalf: boolean): Tensor =>
    vjp([x], () => {
      const stored = (half: boolean): Tensor =>
        tf.engine().makeTensorFromTensorInfo(backend.makeOutput(x.shape, "float32", half), backend)
      const y = stored(isHalf)
      backend.count("activation", 0, backend.bytesOf(x, y))
      return { value: y, saved: [], gradients: () => [stored(!isHalf)] }
    })

  /** One pass over the values, forward and back. */
  const pass = (kind: string, x: Tensor, shape: readonly number[], flops: number, saves = true): Tensor =>
    vjp([x], () => {
      const shapeOfX = x.shape
      const y = create(shape, x)
      const values = Math.max(x.size, y.size)
      backend.count(kind, flops * values, backend.bytesOf(x, y))
      return {
        value: y,
        saved: saves ? [x] : [],
        gradients: (dy, [x]) => {
          const dx = create(shapeOfX, dy)
          backend.count(kind, 2 * flops * values, backend.bytesOf(...(x === undefined ? [] : [x]), dy, dx))
          return [dx]
        },
      }
    })

  const norm = (x: Tensor, statistics: readonly number[]): Tensor =>
    vjp([x], () => {
      const [y, stats] = [create(x.shape, x), create(statistics)]
      backend.count("norm", 10 * x.size, backend.bytesOf(x, x, y))
      return {
        value: y,
        saved: [x, stats] as const,
        gradients: (dy, [x]) => {
          const dx = create(x.shape, dy)
          backend.count("norm", 20 * x.size, backend.bytesOf(x, x, dy, dy, dx))
          return [dx]
        },
      }
    })

  const passes = outlinePasses(backend)
  return {
    load: outlineLoader(backend, options),
    trim() {
      passes.forget()
      backend.trim()
    },
    ...(options.pooled === true ? { pool: (bytes: number) => backend.pool(bytes), runPass: passes.runPass } : {}),
    ...(options.maxTensorBytes === undefined ? {} : { maxTensorBytes: options.maxTensorBytes }),
    ...(options.halves === true
      ? {
          narrow: <T extends Tensor>(x: T) => copied(x, true) as T,
          widen: <T extends Tensor>(x: T) => copied(x, false) as T,
        }
      : {}),
    ...(options.stacks === true ? outlineStacks(backend, create) : {}),

    linear(x, weight) {
      const [out = 0, inner = 0] = weight.shape
      const flops = 2 * x.size * out
      return vjp([x], () => {
        const y = product([...x.shape.slice(0, -1), out], x)
        countProduct("linear", flops, x, y, weight.bytes)
        return {
          value: y,
          saved: [],
          gradients: (dy) => {
            ;(weight as OutlineWeight).holdTransposed()
            const dx = create([...dy.shape.slice(0, -1), inner], dy)
            countProduct("linear", flops, dy, dx, weight.bytes)
            return [dx]
          },
        }
      })
    },

    conv2d(x, weight, { stride, padding: [top, bottom, left, right] }) {
      const [out = 0, inner = 0, kernelHeight = 1, kernelWidth = 1] = weight.shape
      const [n, height, width] = x.shape
      const rows = Math.floor((height + top + bottom - kernelHeight) / stride) + 1
      const columns = Math.floor((width + left + right - kernelWidth) / stride) + 1
      const flops = 2 * n * rows * columns * out * inner * kernelHeight * kernelWidth
      return vjp([x], () => {
        const held = weight as unknown as OutlineWeight
        held.holdTiles("forward", { stride, height: rows, width: columns })
        const y = product<Tensor4D>([n, rows, columns, out], x)
        countProduct("conv2d", flops, x, y, weight.bytes)
        return {
          value: y,
          saved: [],
          gradients: (dy) => {
            if (!held.holdTiles("backward", { stride, height, width })) held.holdTransposed()
            const dx = create(x.shape, dy)
            countProduct("conv2d", flops, dy, dx, weight.bytes)
            return [dx]
          },
        }
      })
    },

    groupNorm: (x, _, { groups }) => norm(x, [x.shape[0], groups, 2]) as Tensor4D,
    layerNorm: (x) => norm(x, [x.size / (x.shape.at(-1) ?? 1), 2]),

    lookUp: (table, indices) => create<Tensor3D>([indices.length, indices[0]?.length ?? 0, table.shape[1] ?? 0]),

    attention(q, k, v, { heads }) {
      const [n, tokens, width] = q.shape
      const flops = 2 * n * tokens * (k.shape[1] ?? 0) * width
      return vjp([q, k, v], () => {
        const [y, logSum] = [create<Tensor3D>(q.shape, q), create([n, heads, tokens])]
        backend.count("attention", 2 * flops, backend.bytesOf(q, y, k, v))
        return {
          value: y,
          saved: [q, k, v, y, logSum] as const,
          gradients: (dy, [q, k, v]) => {
            create([n, heads, tokens])
            const made = [q, k, v].map(({ shape }) => create(shape, dy))
            backend.count("attention", 5 * flops, backend.bytesOf(q, q, k, v, dy, ...made))
            return made
          },
        }
      })
    },

    geglu: (h) => pass("activation", h, [...h.shape.slice(0, -1), (h.shape.at(-1) ?? 0) / 2], 8),
    silu: (x) => pass("activation", x, x.shape, 4),
    gelu: (x) => pass("activation", x, x.shape, 8),
    quickGelu: (x) => pass("activation", x, x.shape, 5),
    relu: (x) => pass("activation", x, x.shape, 1),
    upsample2x(x) {
      const [n, height, width, channels] = x.shape
      return pass("activation", x, [n, 2 * height, 2 * width, channels], 0, false) as Tensor4D
    },

    dense(x, weight, bias, { inputGradient } = { inputGradient: true }) {
      const [, out = 0] = weight.shape
      const flops = 2 * x.size * out
      const inputs = [inputGradient ? x : null, weight, bias].filter((tensor) => tensor !== null)
      return vjp(inputs, () => {
        const y = product([...x.shape.slice(0, -1), out])
        countProduct("dense", flops, x, y, 4 * weight.size)
        return {
          value: y,
          saved: [x, weight],
          gradients: (dy, [x, weight]) => {
            const dx = inputGradient ? create(x.shape, dy) : null
            const made = [dx, create(weight.shape), bias === null ? null : create(bias.shape)]
            if (dx !== null) countProduct("dense", flops, dy, dx, 4 * weight.size)
            countProduct("dense", flops, dy, x, 4 * weight.size)
            return made.filter((tensor) => tensor !== null)
          },
        }
      })
    },
  }
}

function outlineLoader(
  backend: OutlineBackend,
  { weightBytes, backwardCopies = false, filterTiles = false }: OutlineOptions,
): WeightLoader {
  const product = <K extends "linear" | "conv2d">(
    kind: K,
    shape: readonly number[],
    dtype: Dtype,
    hasBias: boolean,
  ) => {
    const matrix = weightBytes(dtype) * tf.util.sizeFromShape([...shape])
    const bytes = matrix + (hasBias ? 4 * (shape[0] ?? 0) : 0)
    const releases = [backend.hold(bytes)]
    const copies = new Set<string>()
    const holdOnce = (name: string, bytes: number): void => {
      if (!copies.has(name)) releases.push(backend.hold(bytes))
      copies.add(name)
    }
    const holdTransposed = (): void => {
      if (backwardCopies) holdOnce("transposed", matrix)
    }
    const holdTiles: OutlineWeight["holdTiles"] = (direction, use) => {
      const [out = 0, inner = 0, ...kernel] = shape
      const [columns, sums] = direction === "forward" ? [out, inner] : [inner, out]
      const side = filterTiles ? filterTileSide({ ...use, filter: [columns, sums, ...kernel] }) : null
      if (side !== null) holdOnce(direction, filterTileBytes(columns, sums, side))
      return side !== null
    }
    const dispose = (): void => {
      for (const release of releases.splice(0)) release()
    }
    return { kind, shape, bytes, holdTransposed, holdTiles, dispose }
  }
  return {
    linear: async ({ shape, dtype }, bias) => product("linear", shape, dtype, bias !== null),
    conv2d: async ({ shape, dtype }, bias) => product("conv2d", shape, dtype, bias !== null),
    async norm({ shape }) {
      const vector = (): Tensor1D => tf.keep(tf.zeros<tf.Rank.R1>([...shape] as [number]))
      const [scale, shift] = [vector(), vector()]
      const norm: OutlineNorm = {
        ...{ kind: "norm", shape, bytes: 4 * (scale.size + shift.size), scale, shift },
        dispose: () => tf.dispose([scale, shift]),
      }
      return norm
    },
    async table({ shape }) {
      // Rows stay off the device, because few of many are ever looked up.
      const table: TableWeight = { kind: "table", shape, bytes: 0, dispose: () => {} }
      return table
    },
  }
}
