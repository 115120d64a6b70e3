import { expectArgument, expectShapes } from "./argument.ts"

/** The kinds of shape a scene may hold, in the words of its captions. */
export const shapeKinds = ["square", "star", "ring", "heart"] as const
export type ShapeKind = (typeof shapeKinds)[number]

/** The colours a shape may have, as sRGB bytes. All are far from the white paper and from each other. */
export const palette = {
  red: [220, 38, 38],
  green: [34, 160, 70],
  blue: [37, 84, 214],
  yellow: [242, 183, 5],
} as const satisfies Record<string, readonly [number, number, number]>
export type ColourName = keyof typeof palette
export const colourNames = Object.keys(palette) as readonly ColourName[]

/** A caption does not mention the size "medium". */
export type SizeName = "small" | "medium"

/** The words of a caption about one shape. */
export type ShapeWords = {
  readonly kind: ShapeKind
  readonly colour: ColourName
  readonly size: SizeName
}

/** One shape on the paper. Lengths are fractions of the picture's side; `rotation` is in radians, clockwise. */
export type Shape = ShapeWords & {
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly rotation: number
}

/** One or two shapes that do not touch, on white paper, in the order the caption names them. */
export type Scene = { readonly shapes: readonly Shape[] }

/** The set of scenes that the tiny SDXL was trained on: `makeScene(trainingSeed, 0)` to `makeScene(trainingSeed, N)`. */
export const trainingSeed = 1
/** A set of scenes that it was not trained on, for measurements. Captions may repeat, pictures do not. */
export const heldOutSeed = 2

/** Radius of the circle for an outline of radius 1. Only a heart's shoulders are outside of it, by 0.04. */
export const outlineReach = 1.12

const radiusRange: Record<SizeName, readonly [number, number]> = { small: [0.12, 0.15], medium: [0.19, 0.24] }
const maxRotation = 0.25
/** Paper left free around every shape. */
const margin = 0.04

/** A stream of numbers in [0, 1), each a hash of (seed, index, its place in the stream). */
function stream(seed: number, index: number): () => number {
  let place = 0
  return () => mix(mix(mix(seed >>> 0) + index) + place++) / 2 ** 32
}

/** MurmurHash3's 32-bit finalizer, over an odd offset so that 0 does not stay 0. */
function mix(value: number): number {
  let h = (value + 0x9e3779b9) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * Scene number `index` of the endless set that `seed` names: the same two integers give the same scene everywhere.
 * Half of the scenes hold one shape, half two; kinds, colours, sizes and positions are drawn independently.
 *
 * @throws RangeError when `seed` or `index` is not an integer in [0, 2^32).
 */
export function makeScene(seed: number, index: number): Scene {
  for (const [name, value] of [["seed", seed] as const, ["index", index] as const]) {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) {
      throw new RangeError(`makeScene: ${name} is ${value}, expected an integer from 0 to 4294967295`)
    }
  }
  const next = stream(seed, index)
  const between = (low: number, high: number): number => low + (high - low) * next()
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T

  const words = Array.from({ length: next() < 0.5 ? 1 : 2 }, (): ShapeWords => {
    const kind = pick(shapeKinds)
    const colour = pick(colourNames)
    return { kind, colour, size: next() < 0.4 ? "small" : "medium" }
  })
  const place = (shape: ShapeWords): Shape => {
    const radius = between(...radiusRange[shape.size])
    const free = margin + radius * outlineReach
    const x = between(free, 1 - free)
    const y = between(free, 1 - free)
    return { ...shape, x, y, radius, rotation: between(-maxRotation, maxRotation) }
  }

  // Shapes that touch are placed again, with other radii: the largest two fit only in opposite corners.
  for (;;) {
    const shapes = words.map(place)
    const [a, b] = shapes
    if (!a || !b || Math.hypot(a.x - b.x, a.y - b.y) >= (a.radius + b.radius) * outlineReach + margin) return { shapes }
  }
}

/** The caption of a scene: `a red star`, `a small blue ring and a yellow square`. It has no positions. */
export function captionOf(scene: { readonly shapes: readonly ShapeWords[] }): string {
  expectShapes("captionOf", scene)
  for (const { kind, colour } of scene.shapes) {
    expectArgument(shapeKinds.includes(kind), "captionOf: the kind of a shape", kind, "the name of a shape")
    expectArgument(colourNames.includes(colour), "captionOf: the colour of a shape", colour, "the name of a colour")
  }
  return scene.shapes.map((s) => `a ${s.size === "small" ? "small " : ""}${s.colour} ${s.kind}`).join(" and ")
}

/**
 * The shapes that a caption of `captionOf` names: its inverse.
 *
 * @throws RangeError when the caption is not one of those.
 */
export function parseCaption(caption: string): readonly ShapeWords[] {
  expectArgument(typeof caption === "string", "parseCaption: the caption", caption, "text")
  return caption.split(" and ").map((part) => {
    const [, small, colour, kind] = /^a (small )?(\w+) (\w+)$/.exec(part) ?? []
    const shape = {
      kind: shapeKinds.find((name) => name === kind),
      colour: colourNames.find((name) => name === colour),
      size: small === undefined ? "medium" : "small",
    } as const
    if (shape.kind === undefined || shape.colour === undefined) {
      throw new RangeError(
        `parseCaption: "${part}" is unknown, expected "a [small] <colour> <shape>" with a colour of ${colourNames.join(", ")} and a shape of ${shapeKinds.join(", ")}`,
      )
    }
    return { kind: shape.kind, colour: shape.colour, size: shape.size }
  })
}
