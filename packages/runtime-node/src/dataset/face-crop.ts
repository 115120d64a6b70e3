import type { ExampleDraws, Size } from "@lllite/core/training"
import type { Face } from "./augmentation.ts"

/** How a picture is cut around a face. */
export interface FaceCropOptions {
  readonly resolution: Size
  /** Shortest and longest side of the result, as multiples of the face. */
  readonly range: readonly [least: number, most: number]
  /** Whether the face may be anywhere in the result. Otherwise it is at the centre, and moves a little. */
  readonly isRandom: boolean
  /** Null: the largest result around the face. */
  readonly draws: ExampleDraws | null
}

/** A face of fewer pixels does not move. */
const LEAST_MOVED = 40

/**
 * The size to which a picture is scaled, and the corner of its crop around a face. The picture is never enlarged beyond
 * what covers the resolution.
 *
 * Source: sd-scripts `BaseDataset.crop_target`, which stops where a picture is smaller than the resolution.
 */
export function faceCrop(
  size: Size,
  face: Face,
  { resolution, range: [least, most], isRandom, draws }: FaceCropOptions,
): { readonly resized: Size; readonly corner: readonly [number, number] } {
  if (size[0] === resolution[0] && size[1] === resolution[1]) return { resized: size, corner: [0, 0] }
  const faceSize = Math.max(face.width, face.height)
  const side = Math.min(...resolution)
  const covering = Math.max(resolution[0] / size[0], resolution[1] / size[1])
  const limit = Math.max(1, covering)
  const smallest = Math.min(limit, Math.max(covering, side / (faceSize * most)))
  const largest = Math.min(limit, Math.max(smallest, side / (faceSize * least)))
  const [scaling, ...moves] = Array.from(draws?.uniform("face", 5) ?? [0])
  const scale = smallest + (largest - smallest) * (scaling ?? 0)
  const scaled = (length: number): number => Math.floor(length * scale + 0.5)
  const resized: Size = [Math.max(scaled(size[0]), resolution[0]), Math.max(scaled(size[1]), resolution[1])]
  const moved = (axis: 0 | 1, centre: number): number => {
    const [target, length] = [resolution[axis], resized[axis]]
    const [first, second] = [moves[2 * axis], moves[2 * axis + 1]]
    const start = centre - Math.floor(target / 2)
    const end = (place: number): number => Math.max(0, Math.min(place, length - target))
    if (first === undefined || second === undefined) return end(start)
    if (isRandom) {
      // The sum of two draws is most often near the middle.
      const reach = Math.max(length - centre, centre)
      return end(start + Math.floor(first * (reach + 1)) + Math.floor(second * (reach + 1)) - reach)
    }
    const mayMove = least !== most && faceSize > Math.floor(side / 10) && faceSize >= LEAST_MOVED
    if (!mayMove) return end(start)
    const reach = Math.floor(faceSize / 20)
    return end(start - reach + Math.floor(first * (2 * reach + 1)))
  }
  return { resized, corner: [moved(0, scaled(face.x)), moved(1, scaled(face.y))] }
}
