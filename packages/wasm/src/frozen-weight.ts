import type { TileSide, WeightEntry } from "@lllite/core/ops"
import { toFloat32 } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/** The way of values through a layer, or of slopes. */
export type Direction = "forward" | "backward"

/** Values that `packTiles` needs while it runs. */
const PACK_SCRATCH = 144

/**
 * A frozen matrix in the layout of products. It owns its memory in the heap: the size of the weight in float32, with
 * columns padded to a multiple of eight. From the first gradient on it owns twice as much. `dispose` frees all of it.
 */
export interface PackedMatrix {
  readonly packed: Tensor
  /** The weight in the layout of gradients. The first call makes it. */
  readonly packedBackward: () => Tensor
  /** A filter of 3×3 in the layout of tiles of one size, for each direction. The first call makes it. */
  readonly packedTiles: (direction: Direction, side: TileSide) => Tensor
  readonly bias: Tensor | null
  readonly bytes: number
  dispose(): void
}

/** Reads a weight [out, in, ...taps] and its bias [out], and packs them. */
export async function packMatrix(
  heap: Heap,
  kernels: Kernels,
  weight: WeightEntry,
  bias: WeightEntry | null,
  rank: number,
): Promise<PackedMatrix> {
  const [out = 0, inner = 0, ...sides] = weight.shape
  if (weight.shape.length !== rank) {
    throw new WasmOpsError(
      "weight-shape",
      `"${weight.name}" is [${weight.shape.join(", ")}], expected ${rank} dimensions.`,
    )
  }
  const taps = sides.reduce((product, side) => product * side, 1)
  const values = toFloat32(await weight.read(), weight.dtype)
  const biasValues = bias === null ? null : await readBias(bias, out)
  const packed = tf.keep(heap.create([kernels.packedSize(out, taps, inner)]))
  const biasTensor = biasValues === null ? null : tf.keep(tf.tensor1d(biasValues))
  const raw = tf.tensor1d(values)
  kernels.pack(heap.address(raw), heap.address(packed), out, taps, inner)
  raw.dispose()
  let packedBackward: Tensor | null = null
  const makeBackward = (): Tensor => {
    const made = heap.create([kernels.packedSize(inner, taps, out)])
    kernels.packBackward(heap.address(packed), heap.address(made), out, taps, inner)
    return made
  }
  const tiles: { [layout in `${Direction} ${TileSide}`]?: Tensor } = {}
  const makeTiles = (direction: Direction, side: TileSide): Tensor => {
    const [columns, k] = direction === "forward" ? [out, inner] : [inner, out]
    const made = heap.create([kernels.packedTilesSize(columns, k, side)])
    const from = direction === "forward" ? packed : (packedBackward ?? makeBackward())
    heap.withScratch(PACK_SCRATCH, (scratch) =>
      kernels.packTiles(heap.address(from), heap.address(made), scratch, columns, k, side),
    )
    if (from !== packed && from !== packedBackward) from.dispose()
    return made
  }
  return {
    packed,
    packedBackward: () => {
      packedBackward ??= tf.keep(makeBackward())
      return packedBackward
    },
    packedTiles: (direction, side) => {
      const made = tiles[`${direction} ${side}`] ?? tf.keep(makeTiles(direction, side))
      tiles[`${direction} ${side}`] = made
      return made
    },
    bias: biasTensor,
    bytes: 4 * (packed.size + (biasTensor?.size ?? 0)),
    dispose: () =>
      tf.dispose([packed, biasTensor, packedBackward, ...Object.values(tiles)].filter((tensor) => tensor !== null)),
  }
}

/** A bias, padded with zeros like the packed columns. */
async function readBias(entry: WeightEntry, out: number): Promise<Float32Array> {
  if (entry.shape.length !== 1 || entry.shape[0] !== out) {
    throw new WasmOpsError("weight-shape", `"${entry.name}" is [${entry.shape.join(", ")}], expected [${out}].`)
  }
  const padded = new Float32Array(Math.ceil(out / 8) * 8)
  padded.set(toFloat32(await entry.read(), entry.dtype))
  return padded
}
