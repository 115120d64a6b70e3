import { describe, expect, test } from "vitest"
import { drawScene, type Picture } from "./draw.ts"
import { judge } from "./judge.ts"
import { captionOf, colourNames, heldOutSeed, makeScene, type Scene, type Shape, shapeKinds } from "./scene.ts"

const scenes = Array.from({ length: 100 }, (_, index) => makeScene(heldOutSeed, index))

/** A picture as a lossy round trip leaves it: blurred over 3 x 3 pixels, paler and noisy. */
function worn({ width, height, data }: Picture): Picture {
  const out = new Uint8Array(data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            const row = Math.min(height - 1, Math.max(0, y + dy))
            const column = Math.min(width - 1, Math.max(0, x + dx))
            sum += data[(row * width + column) * 3 + channel] ?? 0
          }
        }
        const noise = ((x * 7 + y * 13 + channel * 5) % 17) - 8
        out[(y * width + x) * 3 + channel] = Math.min(255, Math.max(0, (sum / 9) * 0.9 + 22 + noise))
      }
    }
  }
  return { width, height, data: out }
}

/** The scene with its last shape changed. */
function altered({ shapes }: Scene, change: (shape: Shape) => Partial<Shape>): Scene {
  return { shapes: shapes.map((shape, i) => (i === shapes.length - 1 ? { ...shape, ...change(shape) } : shape)) }
}

const next = <T>(items: readonly T[], item: T): T => items[(items.indexOf(item) + 1) % items.length] as T

describe("judge", () => {
  test("accepts what was drawn, and its size", () => {
    const judgements = scenes.map((scene) => judge(drawScene(scene), captionOf(scene)))
    expect(judgements.filter((j) => j.right).length).toBeGreaterThanOrEqual(98)
    expect(judgements.filter((j) => j.sizesRight).length).toBeGreaterThanOrEqual(98)
  })

  test("accepts blurred, pale and noisy pictures", () => {
    const accepted = scenes.filter((scene) => judge(worn(drawScene(scene)), captionOf(scene)).right)
    expect(accepted.length).toBeGreaterThanOrEqual(98)
  })

  test("rejects another kind", () => {
    for (const scene of scenes) {
      const other = altered(scene, ({ kind }) => ({ kind: next(shapeKinds, kind) }))
      expect(judge(drawScene(other), captionOf(scene)).right).toBe(false)
    }
  })

  test("rejects another colour", () => {
    for (const scene of scenes) {
      const other = altered(scene, ({ colour }) => ({ colour: next(colourNames, colour) }))
      expect(judge(drawScene(other), captionOf(scene)).right).toBe(false)
    }
  })

  test("rejects a missing shape, an extra one and exchanged colours", () => {
    const [first, second] = [0.28, 0.72].map(
      (x, i): Shape => ({
        kind: i ? "square" : "ring",
        colour: i ? "yellow" : "blue",
        size: "medium",
        x,
        y: 0.5,
        radius: 0.19,
        rotation: 0,
      }),
    ) as [Shape, Shape]
    const caption = captionOf({ shapes: [first, second] })
    expect(judge(drawScene({ shapes: [second, first] }), caption).right).toBe(true)
    expect(judge(drawScene({ shapes: [first] }), caption).right).toBe(false)
    expect(judge(drawScene({ shapes: [first, second] }), "a blue ring").right).toBe(false)
    const exchanged = [
      { ...first, colour: second.colour },
      { ...second, colour: first.colour },
    ]
    expect(judge(drawScene({ shapes: exchanged }), caption).right).toBe(false)
  })

  test("reports blobs and other colours as unknown", () => {
    const scene = { shapes: [{ ...(makeScene(1, 0).shapes[0] as Shape), kind: "square", colour: "red" } as const] }
    const pink = drawScene(scene)
    for (let i = 0; i < pink.data.length; i += 3) if ((pink.data[i + 1] ?? 255) < 200) pink.data.set([255, 120, 200], i)
    expect(judge(pink, "a red square").found.map((s) => s.colour)).toEqual(["unknown"])
    const bar: Picture = { width: 128, height: 128, data: new Uint8Array(128 * 128 * 3).fill(255) }
    for (let y = 60; y < 70; y++) for (let x = 20; x < 110; x++) bar.data.set([28, 28, 28], (y * 128 + x) * 3)
    expect(judge(bar, "a blue square").found.map((s) => s.kind)).toEqual(["unknown"])
  })

  test("finds nothing on blank paper", () => {
    expect(judge(drawScene({ shapes: [] }), "a red star")).toEqual({ right: false, sizesRight: false, found: [] })
  })

  test("measures where a shape lies and how large it is", () => {
    const scene = makeScene(heldOutSeed, 5)
    const { found } = judge(drawScene(scene, 256), captionOf(scene))
    for (const shape of scene.shapes) {
      const same = found.find((f) => f.kind === shape.kind && f.colour === shape.colour)
      expect(same?.radius).toBeCloseTo(shape.radius, 2)
      expect(Math.hypot((same?.x ?? 0) - shape.x, (same?.y ?? 0) - shape.y)).toBeLessThan(0.1 * shape.radius)
    }
  })

  test("refuses pictures that are not square RGB, and captions it cannot read", () => {
    expect(() => judge({ width: 4, height: 4, data: new Uint8Array(16) }, "a red star")).toThrow(/interleaved RGB/)
    expect(() => judge(drawScene({ shapes: [] }), "a cat")).toThrow(/parseCaption/)
  })
})
