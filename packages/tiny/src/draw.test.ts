import { expect, test } from "vitest"
import { distanceToShape, drawScene, type Picture } from "./draw.ts"
import { makeScene, palette, type Shape, shapeKinds } from "./scene.ts"

const shapeOf = (kind: Shape["kind"]): Shape => ({
  kind,
  colour: "red",
  size: "medium",
  x: 0.5,
  y: 0.5,
  radius: 0.25,
  rotation: 0.2,
})

const pixel = ({ data, width }: Picture, x: number, y: number): number[] => [
  ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
]

/** Ink in the picture, in pixels: the share of a channel that left white. */
const inkOf = ({ data }: Picture): number => {
  let ink = 0
  for (let i = 1; i < data.length; i += 3) ink += (255 - (data[i] ?? 255)) / (255 - palette.red[1])
  return ink
}

test.each(shapeKinds)("a %s is flat ink inside and white paper outside", (kind) => {
  const picture = drawScene({ shapes: [shapeOf(kind)] })
  expect(pixel(picture, 0, 0)).toEqual([255, 255, 255])
  // 0.75 of the radius to the left lies in the ring's band; the others have ink at the centre.
  const column = kind === "ring" ? 64 - 24 : 64
  expect(pixel(picture, column, 64)).toEqual([...palette.red])
  if (kind === "ring") expect(pixel(picture, 64, 64)).toEqual([255, 255, 255])
})

test("covers the area of the outline, partly covered pixels included", () => {
  const radius = 0.25 * 128
  expect(inkOf(drawScene({ shapes: [shapeOf("square")] })) / (1.56 * radius) ** 2).toBeCloseTo(1, 2)
  expect(inkOf(drawScene({ shapes: [shapeOf("ring")] })) / (2 * Math.PI * 0.75 * 0.48 * radius ** 2)).toBeCloseTo(1, 2)
})

test("keeps the shapes of a scene apart and off the picture's edge", () => {
  const steps = Array.from({ length: 33 }, (_, i) => i / 32)
  for (let index = 0; index < 40; index++) {
    const { shapes } = makeScene(11, index)
    for (const along of steps) {
      for (const shape of shapes) {
        const edges = [distanceToShape(shape, along, 0), distanceToShape(shape, along, 1)]
        edges.push(distanceToShape(shape, 0, along), distanceToShape(shape, 1, along))
        expect(Math.min(...edges)).toBeGreaterThan(0.03)
      }
      for (const across of steps) {
        const [a = 1, b = 1] = shapes.map((shape) => distanceToShape(shape, along, across))
        expect(a + b).toBeGreaterThan(0.03)
      }
    }
  }
})

test("turns shapes clockwise", () => {
  const tip = { ...shapeOf("star"), rotation: Math.PI / 2 }
  expect(distanceToShape(tip, 0.5 + 0.25, 0.5)).toBeLessThan(0)
  expect(distanceToShape(tip, 0.5 - 0.25, 0.5)).toBeGreaterThan(0)
})

test("draws the same scene at any size", () => {
  const small = drawScene({ shapes: [shapeOf("heart")] }, 64)
  const large = drawScene({ shapes: [shapeOf("heart")] }, 256)
  expect(small.data.length).toBe(64 * 64 * 3)
  expect(inkOf(large) / inkOf(small) / 16).toBeCloseTo(1, 2)
})

test.each([0, -1, 1.5, Number.NaN, 1e9])("refuses a size of %d", (size) => {
  expect(() => drawScene({ shapes: [] }, size)).toThrow("expected a whole number of pixels from 1 to 8192")
})
