import type { RgbImage } from "@lllite/core/image"
import { canny, greyToRgb, preprocess, rgbToGrey } from "@lllite/core/image"
import { drawScene, makeScene } from "@lllite/tiny"
import { describe, expect, it } from "vitest"
import { controlTone } from "./control-tone.ts"

const scene = drawScene(makeScene(3, 1))
const edges = greyToRgb(canny(rgbToGrey(scene), { low: 100, high: 200 }))

function drawn(pixels: readonly (readonly [number, number, number])[]): RgbImage {
  return { width: pixels.length, height: 1, data: Uint8Array.from(pixels.flat()) }
}

describe("controlTone", () => {
  it("sees the ground of lines, and of their negative", () => {
    const { ground, drawn } = controlTone(edges)
    expect(ground).toBe("dark")
    expect(drawn).toBeCloseTo(edges.data.filter((value) => value !== 0).length / edges.data.length, 10)
    expect(controlTone(preprocess(edges, { kind: "invert" }))).toEqual({ ground: "light", drawn })
  })

  it("takes depth, blurs and coloured drawings for something else", () => {
    const depth: RgbImage = {
      width: 256,
      height: 1,
      data: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)),
    }
    expect(controlTone(depth).ground).toBe("other")
    const pose = drawn([...Array.from({ length: 9 }, () => [0, 0, 0] as const), [255, 0, 0]])
    expect(controlTone(pose).ground).toBe("other")
  })

  it("allows soft edges and the noise of JPEG", () => {
    const soft = drawn([...Array.from({ length: 8 }, () => [9, 3, 14] as const), [120, 124, 118], [250, 255, 240]])
    expect(controlTone(soft)).toEqual({ ground: "dark", drawn: expect.closeTo(0.2, 10) })
  })
})
