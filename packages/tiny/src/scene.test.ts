import { describe, expect, test } from "vitest"
import { captionOf, colourNames, makeScene, outlineReach, parseCaption, type Scene, shapeKinds } from "./scene.ts"

const scenes = Array.from({ length: 600 }, (_, index) => makeScene(7, index))

describe("makeScene", () => {
  test("gives the same scene for the same integers, and others for others", () => {
    expect(makeScene(7, 3)).toEqual(scenes[3])
    expect(makeScene(8, 3)).not.toEqual(scenes[3])
    expect(makeScene(7, 4)).not.toEqual(scenes[3])
  })

  test("gives the same scenes as when the checkpoint was trained", () => {
    expect([0, 1, 2, 3].map((index) => captionOf(makeScene(1, index)))).toEqual([
      "a small yellow star",
      "a small yellow star",
      "a small yellow ring",
      "a yellow ring and a green star",
    ])
    const shape = makeScene(1, 0).shapes[0]
    expect([shape?.x, shape?.y, shape?.radius, shape?.rotation].map((value) => value?.toFixed(6))).toEqual([
      "0.707206",
      "0.396698",
      "0.139545",
      "0.075596",
    ])
  })

  test("draws one shape or two, about equally often, and every kind, colour and size", () => {
    const singles = scenes.filter((scene) => scene.shapes.length === 1).length
    expect(singles).toBeGreaterThan(240)
    expect(singles).toBeLessThan(360)
    const shapes = scenes.flatMap((scene) => scene.shapes)
    expect(new Set(shapes.map((s) => s.kind))).toEqual(new Set(shapeKinds))
    expect(new Set(shapes.map((s) => s.colour))).toEqual(new Set(colourNames))
    expect(new Set(shapes.map((s) => s.size))).toEqual(new Set(["small", "medium"]))
  })

  test("keeps every shape on the paper and apart from the other", () => {
    for (const { shapes } of scenes) {
      for (const { x, y, radius } of shapes) {
        expect(Math.min(x, y, 1 - x, 1 - y)).toBeGreaterThan(radius * outlineReach)
      }
      const [a, b] = shapes
      if (a && b) expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan((a.radius + b.radius) * outlineReach)
    }
  })

  test.each([
    [-1, 0],
    [0.5, 0],
    [0, 2 ** 32],
    [0, Number.NaN],
  ])("refuses seed %d, index %d", (seed, index) => {
    expect(() => makeScene(seed, index)).toThrow(/expected an integer from 0 to 4294967295/)
  })
})

describe("captionOf", () => {
  const scene: Scene = {
    shapes: [
      { kind: "ring", colour: "blue", size: "small", x: 0.3, y: 0.3, radius: 0.12, rotation: 0 },
      { kind: "square", colour: "yellow", size: "medium", x: 0.7, y: 0.7, radius: 0.2, rotation: 0 },
    ],
  }

  test("names size, colour and kind in order, and omits the medium size", () => {
    expect(captionOf(scene)).toBe("a small blue ring and a yellow square")
  })

  test("is undone by parseCaption", () => {
    for (const { shapes } of [scene, ...scenes]) {
      const words = shapes.map(({ kind, colour, size }) => ({ kind, colour, size }))
      expect(parseCaption(captionOf({ shapes }))).toEqual(words)
    }
  })

  test.each(["", "a cat", "a red star,", "a tiny red star", "a red star and", "a Red star"])(
    "parseCaption refuses %j, and says what it knows",
    (caption) => {
      expect(() => parseCaption(caption)).toThrow(/colour of red, green.* shape of square, star/)
    },
  )
})
