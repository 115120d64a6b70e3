import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { GreyImage } from "../image.ts"
import { checkRanges } from "../number-range.ts"

/** How well two edge maps agree; all three are in 0 .. 1. */
export interface EdgeAgreement {
  /** Share of the found edge pixels that lie near a wanted one. */
  readonly precision: number
  /** Share of the wanted edge pixels that lie near a found one. */
  readonly recall: number
  /** Harmonic mean of the two. */
  readonly f1: number
}

/**
 * Compares edge maps, in which any pixel but 0 is an edge. Two edges agree within `tolerance` pixels of distance.
 * Default: 2. Two maps without edges agree fully. A map without edges and one with edges do not agree at all.
 *
 * Source: Martin, Fowlkes & Malik 2004, "Learning to Detect Natural Image Boundaries", with the matching replaced by
 * dilation with a disc.
 *
 * @throws CoreError when the sizes differ, the data does not fit a size or the tolerance is not from 0 to 1024.
 */
export function edgeF1(found: GreyImage, wanted: GreyImage, tolerance = 2): EdgeAgreement {
  for (const [name, image] of Object.entries({ found, wanted })) {
    checkArgument(`edgeF1: ${name}`, image, "an object")
    checkArgument(`edgeF1: the data of ${name}`, image.data, "an object")
    if (image.data.length !== image.width * image.height) {
      throw new CoreError(
        "picture-data",
        `edgeF1: ${name} is ${image.width} x ${image.height} but holds ${image.data.length} values; expected grey data`,
      )
    }
  }
  if (found.width !== wanted.width || found.height !== wanted.height) {
    throw new CoreError(
      "picture-size",
      `edgeF1: expected maps of one size, got ${found.width} x ${found.height} and ${wanted.width} x ${wanted.height}`,
    )
  }
  checkRanges("edgeF1", { tolerance }, { tolerance: { min: 0, max: 1024 } })
  const offsets = disc(tolerance)
  const precision = shareNear(found, wanted, offsets)
  const recall = shareNear(wanted, found, offsets)
  if (precision === undefined && recall === undefined) return { precision: 1, recall: 1, f1: 1 }
  if (precision === undefined || recall === undefined) return { precision: 0, recall: 0, f1: 0 }
  return { precision, recall, f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall) }
}

type Offset = readonly [x: number, y: number]

function disc(radius: number): readonly Offset[] {
  const reach = Math.floor(radius)
  const offsets: Offset[] = []
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) if (x * x + y * y <= radius * radius) offsets.push([x, y])
  }
  return offsets
}

/** Share of the edges of `edges` with an edge of `others` within the offsets; undefined when there are none. */
function shareNear(edges: GreyImage, others: GreyImage, offsets: readonly Offset[]): number | undefined {
  const { width, height } = edges
  let count = 0
  let near = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (edges.data[y * width + x] === 0) continue
      count += 1
      const isNear = offsets.some(([dx, dy]) => {
        const [column, row] = [x + dx, y + dy]
        if (column < 0 || row < 0 || column >= width || row >= height) return false
        return others.data[row * width + column] !== 0
      })
      if (isNear) near += 1
    }
  }
  return count === 0 ? undefined : near / count
}
