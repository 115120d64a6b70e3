import { expectArgument, expectPicture } from "./argument.ts"
import { distanceToShape, type Picture } from "./draw.ts"
import {
  type ColourName,
  colourNames,
  palette,
  parseCaption,
  type ShapeKind,
  type ShapeWords,
  type SizeName,
  shapeKinds,
} from "./scene.ts"

/** The judge's result for one patch of ink. Lengths are fractions of the picture's side. */
export type FoundShape = {
  readonly kind: ShapeKind | "unknown"
  readonly colour: ColourName | "unknown"
  readonly size: SizeName
  /** Intersection over union of the patch and the best template, 0 to 1. */
  readonly overlap: number
  readonly x: number
  readonly y: number
  readonly radius: number
}

export type Judgement = {
  /** True when the picture shows the expected kinds and colours, each as often as expected, and nothing else. */
  readonly right: boolean
  /** True when, besides, every size is the expected one. */
  readonly sizesRight: boolean
  readonly found: readonly FoundShape[]
}

/** A pixel is ink when it is more than half way from white to the darkest channel of the lightest colours. */
const inkThreshold = 110
/** Patches smaller than this share of the picture are specks: a small star covers 2 %. */
const smallestPatch = 0.004
/** Below this overlap a patch is of unknown kind. Drawn shapes have at least 0.91 with the template of their kind. */
const leastOverlap = 0.78
/** Euclidean distance in RGB beyond which a colour is not in the palette. The nearest two are 150 apart. */
const farthestColour = 80
/** Between the largest small radius, 0.15, and the smallest medium one, 0.19. */
const sizeBoundary = 0.17

type Patch = {
  readonly width: number
  readonly pixels: readonly number[]
  readonly x: number
  readonly y: number
}

/** Connected patches of ink, touching by side or corner. */
function patches({ width, height, data }: Picture): readonly Patch[] {
  const isInk = (pixel: number): boolean =>
    255 - Math.min(data[pixel * 3] ?? 255, data[pixel * 3 + 1] ?? 255, data[pixel * 3 + 2] ?? 255) > inkThreshold
  const seen = new Uint8Array(width * height)
  const found: Patch[] = []
  for (let start = 0; start < seen.length; start++) {
    if (seen[start] || !isInk(start)) continue
    seen[start] = 1
    const pixels = [start]
    let sumX = 0
    let sumY = 0
    for (let next = 0; next < pixels.length; next++) {
      const pixel = pixels[next] as number
      const column = pixel % width
      const row = (pixel - column) / width
      sumX += column + 0.5
      sumY += row + 0.5
      for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x++) {
          const neighbour = y * width + x
          if (seen[neighbour] || !isInk(neighbour)) continue
          seen[neighbour] = 1
          pixels.push(neighbour)
        }
      }
    }
    if (pixels.length < smallestPatch * width * height) continue
    found.push({ width, pixels, x: sumX / pixels.length, y: sumY / pixels.length })
  }
  return found
}

/** A shape of radius 1, sampled on a grid round its own centroid, so that a patch is compared after one scaling. */
type Template = { readonly kind: ShapeKind; readonly area: number; readonly inside: Uint8Array }

const gridSide = 96
/** Half the grid, in radii. */
const gridReach = 1.5

function makeTemplate(kind: ShapeKind, rotation: number): Template {
  const shape = { kind, colour: "blue", size: "medium", x: 0, y: 0, radius: 1, rotation } as const
  const at = (index: number): number => ((index + 0.5) / gridSide) * 2 * gridReach - gridReach
  const cells = Array.from({ length: gridSide * gridSide }, (_, i) => [at(i % gridSide), at(Math.floor(i / gridSide))])
  const covered = cells.filter(([x = 0, y = 0]) => distanceToShape(shape, x, y) < 0)
  const mean = (axis: 0 | 1): number => covered.reduce((sum, cell) => sum + (cell[axis] ?? 0), 0) / covered.length
  const [cx, cy] = [mean(0), mean(1)]
  return {
    kind,
    area: covered.length * ((2 * gridReach) / gridSide) ** 2,
    inside: Uint8Array.from(cells, ([x = 0, y = 0]) => (distanceToShape(shape, x + cx, y + cy) < 0 ? 1 : 0)),
  }
}

let madeTemplates: readonly Template[] | undefined

function templates(): readonly Template[] {
  const rotations = Array.from({ length: 15 }, (_, i) => (i - 7) * 0.06)
  madeTemplates ??= shapeKinds.flatMap((kind) => rotations.map((rotation) => makeTemplate(kind, rotation)))
  return madeTemplates
}

/** Overlap of a patch with a template brought to the patch's centroid and area. */
function overlapOf(patch: Patch, mask: Uint8Array, template: Template): number {
  const radius = Math.sqrt(patch.pixels.length / template.area)
  const reach = Math.ceil(radius * gridReach)
  let both = 0
  let inside = 0
  for (let row = Math.floor(patch.y) - reach; row <= patch.y + reach; row++) {
    const gridRow = Math.floor((((row + 0.5 - patch.y) / radius + gridReach) / (2 * gridReach)) * gridSide)
    if (gridRow < 0 || gridRow >= gridSide) continue
    for (let column = Math.floor(patch.x) - reach; column <= patch.x + reach; column++) {
      const gridColumn = Math.floor((((column + 0.5 - patch.x) / radius + gridReach) / (2 * gridReach)) * gridSide)
      if (gridColumn < 0 || gridColumn >= gridSide || !template.inside[gridRow * gridSide + gridColumn]) continue
      inside++
      if (column >= 0 && column < patch.width && mask[row * patch.width + column]) both++
    }
  }
  return both / (inside + patch.pixels.length - both)
}

function median(values: number[]): number {
  values.sort((a, b) => a - b)
  return values[values.length >> 1] ?? 0
}

function colourOf(patch: Patch, picture: Picture): ColourName | "unknown" {
  const [r, g, b] = [0, 1, 2].map((channel) =>
    median(patch.pixels.map((pixel) => picture.data[pixel * 3 + channel] ?? 0)),
  )
  const distance = (name: ColourName): number => {
    const [pr, pg, pb] = palette[name]
    return Math.hypot((r ?? 0) - pr, (g ?? 0) - pg, (b ?? 0) - pb)
  }
  const nearest = colourNames.reduce((best, name) => (distance(name) < distance(best) ? name : best))
  return distance(nearest) <= farthestColour ? nearest : "unknown"
}

/** Every patch of ink on white paper, named after the template that covers it best and the nearest palette colour. */
export function findShapes(picture: Picture): readonly FoundShape[] {
  expectPicture("findShapes", picture)
  return patches(picture).map((patch) => {
    const mask = new Uint8Array(picture.width * picture.height)
    for (const pixel of patch.pixels) mask[pixel] = 1
    let best: Template | undefined
    let overlap = 0
    for (const template of templates()) {
      const value = overlapOf(patch, mask, template)
      if (value > overlap) {
        best = template
        overlap = value
      }
    }
    const radius = best ? Math.sqrt(patch.pixels.length / best.area) / picture.width : 0
    return {
      kind: best && overlap >= leastOverlap ? best.kind : "unknown",
      colour: colourOf(patch, picture),
      size: radius < sizeBoundary ? "small" : "medium",
      overlap,
      x: patch.x / picture.width,
      y: patch.y / picture.height,
      radius,
    }
  })
}

/**
 * Judges whether a picture shows the expected kinds and colours. Positions do not matter.
 *
 * @param picture square, of any size
 * @param expected a caption, or the shapes it names
 * @throws RangeError when the picture's bytes do not fit its size, or the caption is not one of `captionOf`
 */
export function judge(picture: Picture, expected: string | readonly ShapeWords[]): Judgement {
  expectPicture("judge", picture)
  expectArgument(
    typeof expected === "string" || Array.isArray(expected),
    "judge: what is expected",
    expected,
    "a caption or a list of shapes",
  )
  if (picture.width !== picture.height || picture.data.length !== picture.width * picture.height * 3) {
    throw new RangeError(
      `judge: ${picture.data.length} bytes for ${picture.width} x ${picture.height}, expected a square picture of interleaved RGB`,
    )
  }
  const shapes = typeof expected === "string" ? parseCaption(expected) : expected
  const found = findShapes(picture)
  const key = (list: readonly (ShapeWords | FoundShape)[], words: (s: ShapeWords | FoundShape) => string): string =>
    list.map(words).sort().join()
  const agree = (words: (s: ShapeWords | FoundShape) => string): boolean => key(found, words) === key(shapes, words)
  return {
    right: agree((s) => `${s.colour} ${s.kind}`),
    sizesRight: agree((s) => `${s.size} ${s.colour} ${s.kind}`),
    found,
  }
}
