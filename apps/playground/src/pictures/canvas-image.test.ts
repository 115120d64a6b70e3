import { expect, it } from "vitest"
import { blank, edgesOf } from "./canvas-image.ts"

it("finds no edges on a blank sheet, and the outline of a black square", () => {
  expect(edgesOf(blank(32)).data.some((value) => value !== 0)).toBe(false)
  const square = blank(32)
  for (let y = 8; y < 24; y++) square.data.fill(0, (y * 32 + 8) * 3, (y * 32 + 24) * 3)
  const edges = edgesOf(square).data.filter((value) => value === 255).length / 3
  expect(edges).toBeGreaterThan(48)
  expect(edges).toBeLessThan(80)
})
