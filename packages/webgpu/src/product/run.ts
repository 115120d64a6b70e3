import type { Tensor } from "@tensorflow/tfjs-core"
import type { KernelSource } from "../device/commands.ts"
import type { Gpu, KernelBuffer } from "../gpu.ts"
import { type Storage, wgslModule } from "../wgsl/module.ts"
import { type Epilogue, stored } from "./epilogue.ts"
import type { Factor } from "./factor.ts"
import { productKernel } from "./kernel.ts"
import { type MatrixProductOptions, matrixProductKernel } from "./matrix-kernel.ts"
import { fittingTiles, matrixSizes } from "./matrix-tiles.ts"
import type { Tile } from "./tiles.ts"

/** The number of workgroups that keeps a device busy. A product with fewer is cut into smaller tiles, then along k. */
const BUSY = 64

/** The shortest part along k for a workgroup. */
const LEAST_SPAN = 256

/** A factor with its buffers and the values of its parameters. */
export interface ProductInput {
  readonly factor: Factor
  readonly buffers: readonly (Tensor | GPUBuffer)[]
  readonly params: readonly number[]
}

export interface ProductSizes {
  readonly m: number
  readonly n: number
  readonly k: number
  /** Products of this size that are computed side by side. Default: 1. */
  readonly count?: number
}

/** What is added to a product, once. */
export interface ProductAddends {
  /** Added to every row. [n], and of several products [count, n] */
  readonly bias?: Tensor | GPUBuffer | null
  /** Added to every row of a sample. [samples, n] */
  readonly shift?: Tensor | null
  /** [m, n], in any shape, or several */
  readonly plus?: Tensor | readonly Tensor[] | null
}

/** The tensor that a product makes. */
export interface ProductResult {
  readonly shape: readonly number[]
  /** Default: f32 */
  readonly storage?: Storage
}

/** The place of values in a tensor of more values, for several products. */
export interface Place {
  readonly tensor: Tensor
  /** The first element for the first product. */
  readonly from: number
  /** Elements between two products. */
  readonly each: number
}

/**
 * result[m, n] = Σ left[m, k] right[n, k] + addends. Several results follow each other. The order of the sum is fixed.
 */
export function runProduct<T extends Tensor>(
  gpu: Gpu,
  sizes: ProductSizes,
  left: ProductInput,
  right: ProductInput,
  { bias = null, shift = null, plus = null }: ProductAddends,
  { shape, storage }: ProductResult,
): T {
  const { m, n } = sizes
  const matrices = plus === null ? [] : "dataId" in plus ? [plus] : plus
  const addends = [bias, shift].filter((addend) => addend !== null)
  const ends = {
    bias: bias === null ? (false as const) : ("stacked" as const),
    shift: shift !== null,
    plus: matrices.length,
    four: n % 4 === 0,
    results: 1,
  }
  const params = shift === null ? [] : [(m * n) / shift.size]
  const result = gpu.create<T>(shape, storage)
  if (addends.length + matrices.length > 0) {
    // Addends must be added once. So these products are not cut.
    const buffers = [...addends, ...matrices, result]
    dispatchProduct(gpu, sizes, left, right, { epilogue: stored(ends), buffers, params })
  } else {
    sumInto(gpu, sizes, left, right, { tensor: result, from: 0, each: 0 }, false)
  }
  return result
}

/** As `runProduct` without addends, into a tensor of more values. */
export function runProductInto(
  gpu: Gpu,
  sizes: ProductSizes,
  left: ProductInput,
  right: ProductInput,
  place: Place,
): void {
  sumInto(gpu, sizes, left, right, place, true)
}

/** Cuts a product that is too small for the device along k, and adds the parts up. */
function sumInto(
  gpu: Gpu,
  sizes: ProductSizes,
  left: ProductInput,
  right: ProductInput,
  { tensor, from, each }: Place,
  placed: boolean,
): void {
  const { m, n, k, count = 1 } = sizes
  const { tileK, groups } = planOf(gpu, sizes, right.factor)
  const wanted = Math.min(Math.floor(BUSY / groups), Math.floor(k / LEAST_SPAN))
  const span = wanted > 1 ? tileK * Math.ceil(k / wanted / tileK) : k
  const parts = Math.ceil(k / span)
  const ends = { bias: false, shift: false, plus: 0, results: 1 } as const
  if (parts === 1) {
    const four = [n, from, each].every((length) => length % 4 === 0)
    const epilogue = stored({ ...ends, four, placed })
    dispatchProduct(gpu, sizes, left, right, { epilogue, buffers: [tensor], params: placed ? [from, each] : [] })
    return
  }
  const partial = gpu.create([parts, count, m, n])
  const epilogue = stored({ ...ends, four: n % 4 === 0 })
  dispatchProduct(gpu, sizes, left, right, { epilogue, buffers: [partial], span })
  const all = count * m * n
  const params = [all, parts, placed ? m * n : all, from, each]
  gpu.run(PARTS_SUM, [partial, tensor], params, Math.ceil(all / 256))
  partial.dispose()
}

/**
 * As `runProduct` with a bias that is a part of a tensor of more values.
 */
export function runProductWithBiasOf<T extends Tensor>(
  gpu: Gpu,
  sizes: ProductSizes,
  left: ProductInput,
  right: ProductInput,
  { tensor, from, each }: Place,
  shape: readonly number[],
): T {
  const result = gpu.create<T>(shape)
  const four = [sizes.n, from, each].every((length) => length % 4 === 0)
  const epilogue = stored({ bias: "placed", shift: false, plus: 0, four, results: 1 })
  dispatchProduct(gpu, sizes, left, right, { epilogue, buffers: [tensor, result], params: [from, each] })
  return result
}

/** As `runProduct`, with a tensor for each of several results. */
export function runProductsApart<T extends Tensor>(
  gpu: Gpu,
  sizes: Required<ProductSizes>,
  left: ProductInput,
  right: ProductInput,
  { shape, storage }: ProductResult,
): readonly T[] {
  const { n, count } = sizes
  const results = Array.from({ length: count }, () => gpu.create<T>(shape, storage))
  const epilogue = stored({ bias: false, shift: false, plus: 0, four: n % 4 === 0, results: count })
  dispatchProduct(gpu, sizes, left, right, { epilogue, buffers: results })
  return results
}

/** What products whose results share a buffer have besides their factors. */
export interface TogetherOptions extends ProductResult {
  /** A bias for each product, or none. [n] each */
  readonly biases: readonly GPUBuffer[]
}

/** As `runProductsApart`, with all results in one buffer. So a dispatch binds those of more products. */
export function runProductsTogether<T extends Tensor>(
  gpu: Gpu,
  sizes: Required<ProductSizes>,
  left: ProductInput,
  right: ProductInput,
  { biases, shape, storage }: TogetherOptions,
): readonly T[] {
  const { n, count } = sizes
  const { tensors, whole, each } = gpu.createParts<T>(shape, count, storage)
  const bias = biases.length > 0 && { buffers: biases.length }
  const epilogue = stored({ bias, shift: false, plus: 0, four: n % 4 === 0, results: 1, placed: true })
  dispatchProduct(gpu, sizes, left, right, { epilogue, buffers: [...biases, whole], params: [0, each] })
  return tensors
}

/** How a product ends. */
export interface ProductEnd {
  readonly epilogue: Epilogue
  /** The epilogue's buffers, results included. */
  readonly buffers: readonly KernelBuffer[]
  /** The values of the epilogue's parameters. Default: none. */
  readonly params?: readonly number[]
  /** The values of k that a workgroup sums over. Default: all. */
  readonly span?: number
}

/** One dispatch of a product. */
export function dispatchProduct(
  gpu: Gpu,
  sizes: ProductSizes,
  left: ProductInput,
  right: ProductInput,
  { epilogue, buffers, params = [], span = sizes.k }: ProductEnd,
): void {
  const { m, n, k, count = 1 } = sizes
  const { kernel, groups } = planOf(gpu, sizes, right.factor)
  gpu.run(
    kernel({ left: left.factor, right: right.factor, epilogue, count }),
    [...left.buffers, ...right.buffers, ...buffers],
    [m, n, k, span, ...left.params, ...right.params, ...params],
    groups * Math.ceil(k / span),
  )
}

/** The kernel of a product, and how it is cut. */
interface ProductPlan {
  readonly tileK: number
  /** Workgroups for all values of k. */
  readonly groups: number
  kernel(options: Omit<MatrixProductOptions, "unit" | "tile">): KernelSource
}

function planOf(gpu: Gpu, { m, n, count = 1 }: ProductSizes, { rounds = false }: Factor): ProductPlan {
  const groupsOf = ({ tileM, tileN }: Pick<Tile, "tileM" | "tileN">): number =>
    count * Math.ceil(m / tileM) * Math.ceil(n / tileN)
  const { features, limits, tiles } = gpu
  const unit = rounds ? features.matrices : null
  if (unit !== null) {
    const candidates = fittingTiles(unit, limits, tiles.matrices).map((tile) => ({ tile, ...matrixSizes(unit, tile) }))
    // The last one is the smallest.
    const chosen = candidates.find((sizes) => groupsOf(sizes) >= BUSY) ?? candidates.at(-1)
    if (chosen !== undefined) {
      const { tile, tileK } = chosen
      return { tileK, groups: groupsOf(chosen), kernel: (options) => matrixProductKernel({ ...options, unit, tile }) }
    }
  }
  const tile = groupsOf(tiles.large) >= BUSY ? tiles.large : tiles.small
  const half = tiles.half && features.float16
  return {
    ...{ tileK: tile.tileK, groups: groupsOf(tile) },
    kernel: (options) => productKernel({ ...options, tile, half }),
  }
}

const PARTS_SUM: KernelSource = {
  key: "sum of parts",
  code: (storages) =>
    wgslModule(
      {
        // A product's size, and its place.
        params: ["count", "parts", "size", "origin", "each"],
        reads: { partial: "f32" },
        writes: { result: "f32" },
        threads: 256,
        main: `let i = group * 256u + local;
if (i >= p.count) { return; }
var sum = 0.0;
for (var part = 0u; part < p.parts; part++) { sum += partial[part * p.count + i]; }
store_result(p.origin + i / p.size * p.each + i % p.size, sum);`,
      },
      storages,
    ),
}
