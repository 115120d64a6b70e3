import { expectArgument, expectNumbers, expectShapes } from "./argument.ts"
import { palette, type Scene, type Shape, type ShapeKind } from "./scene.ts"

/** The longest side of a drawing, in pixels. */
const MOST_SIDE = 8192

/** Interleaved 8-bit RGB, rows from the top: `data[(y * width + x) * 3 + channel]`. */
export type Picture = { readonly width: number; readonly height: number; readonly data: Uint8Array }

type Point = readonly [number, number]

/** Signed distance to an outline of radius 1 round the origin, negative inside. x to the right, y down. */
type Outline = (x: number, y: number) => number

function polygon(points: readonly Point[]): Outline {
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY
    let inside = false
    let [ax, ay] = points[points.length - 1] as Point
    for (const [bx, by] of points) {
      const ex = bx - ax
      const ey = by - ay
      const along = Math.min(1, Math.max(0, ((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey)))
      nearest = Math.min(nearest, Math.hypot(x - ax - along * ex, y - ay - along * ey))
      // A ray to the right crosses this edge when the edge spans its height.
      if (ay > y !== by > y && x < ax + (ex * (y - ay)) / ey) inside = !inside
      ax = bx
      ay = by
    }
    return inside ? -nearest : nearest
  }
}

function starPoints(arms: number, outer: number, inner: number): readonly Point[] {
  return Array.from({ length: arms * 2 }, (_, i): Point => {
    const angle = (Math.PI * i) / arms
    const radius = i % 2 === 0 ? outer : inner
    return [radius * Math.sin(angle), -radius * Math.cos(angle)]
  })
}

/** The usual heart curve (16 sin^3 t, 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t), scaled and centred. */
function heartPoints(count: number): readonly Point[] {
  return Array.from({ length: count }, (_, i): Point => {
    const t = (2 * Math.PI * i) / count
    const y = 13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t)
    return [(16 * Math.sin(t) ** 3) / 15.4, -(y + 2) / 15.4]
  })
}

const outlines: Record<ShapeKind, Outline> = {
  square: polygon([
    [-0.78, -0.78],
    [0.78, -0.78],
    [0.78, 0.78],
    [-0.78, 0.78],
  ]),
  star: polygon(starPoints(5, 1.1, 0.46)),
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.75) - 0.24,
  heart: polygon(heartPoints(48)),
}

/** Checks the kind of a shape and its place. @throws TypeError */
function expectShape(what: string, shape: Shape): void {
  expectArgument(
    Object.hasOwn(outlines, shape?.kind),
    `${what}: the kind of the shape`,
    shape?.kind,
    "the name of a shape",
  )
  const { x, y, radius, rotation } = shape
  expectNumbers(`${what}: the shape's`, { x, y, radius, rotation })
}

/**
 * Signed distance from a point to a shape's outline, negative inside; all lengths are fractions of the picture's side.
 */
export function distanceToShape(shape: Shape, x: number, y: number): number {
  expectShape("distanceToShape", shape)
  expectNumbers("distanceToShape", { x, y })
  return distanceTo(shape, x, y)
}

function distanceTo(shape: Shape, x: number, y: number): number {
  const cos = Math.cos(shape.rotation)
  const sin = Math.sin(shape.rotation)
  const dx = (x - shape.x) / shape.radius
  const dy = (y - shape.y) / shape.radius
  return outlines[shape.kind](dx * cos + dy * sin, dy * cos - dx * sin) * shape.radius
}

/**
 * Draws a scene on white paper, `size` by `size` pixels, with edges one pixel soft.
 *
 * @throws RangeError when `size` is not a positive integer.
 */
export function drawScene(scene: Scene, size = 128): Picture {
  expectShapes("drawScene", scene)
  if (!Number.isInteger(size) || size < 1 || size > MOST_SIDE) {
    throw new RangeError(`drawScene: size is ${size}, expected a whole number of pixels from 1 to ${MOST_SIDE}`)
  }
  const data = new Uint8Array(size * size * 3).fill(255)
  for (const shape of scene.shapes) {
    expectArgument(
      Object.hasOwn(palette, shape.colour),
      "drawScene: the colour of a shape",
      shape.colour,
      "one of the palette",
    )
    expectShape("drawScene", shape)
    const ink = palette[shape.colour]
    const reach = shape.radius * 1.2 + 1 / size
    const first = (centre: number): number => Math.max(0, Math.floor((centre - reach) * size))
    const last = (centre: number): number => Math.min(size - 1, Math.ceil((centre + reach) * size))
    for (let row = first(shape.y); row <= last(shape.y); row++) {
      for (let column = first(shape.x); column <= last(shape.x); column++) {
        const distance = distanceTo(shape, (column + 0.5) / size, (row + 0.5) / size) * size
        const cover = Math.min(1, Math.max(0, 0.5 - distance))
        if (cover === 0) continue
        const at = (row * size + column) * 3
        for (const [channel, level] of ink.entries()) {
          const paper = data[at + channel] as number
          data[at + channel] = Math.round(paper + (level - paper) * cover)
        }
      }
    }
  }
  return { width: size, height: size, data }
}
