import { describe, expect, it } from "vitest"
import { cutPatches, patchGrid } from "./conditioner.ts"
import type { Depth } from "./control-patches.ts"

const KERNELS = { 1: [4, 2], 2: [4, 4], 3: [4, 4, 2] } as const
const CHANNELS = 3

/** Images whose values all differ. */
function images(count: number, height: number, width: number) {
  const data = Float32Array.from({ length: count * height * width * CHANNELS }, (_, i) => i)
  return { count, height, width, data }
}

describe("a control that is not square", () => {
  it.each([1, 2, 3] as const)("is cut at depth %d into tokens row by row, and down to pixels row by row", (depth) => {
    const pixels = KERNELS[depth].reduce<number>((product, kernel) => product * kernel, 1)
    const control = images(2, 2 * pixels, 3 * pixels)
    const { grid, values } = cutPatches(control, { depth, channels: 3 })
    expect(grid).toEqual({ height: 2, width: 3 })

    const expected: number[] = []
    const walk = (image: number, top: number, left: number, [kernel, ...inner]: readonly number[], side: number) => {
      if (kernel === undefined) {
        const pixel = (image * control.height + top) * control.width + left
        for (let channel = 0; channel < CHANNELS; channel++) expected.push(pixel * CHANNELS + channel)
        return
      }
      const step = side / kernel
      for (let place = 0; place < kernel * kernel; place++) {
        const [row, column] = [Math.floor(place / kernel), place % kernel]
        walk(image, top + row * step, left + column * step, inner, step)
      }
    }
    for (let token = 0; token < 2 * 6; token++) {
      const [row, column] = [Math.floor((token % 6) / 3), token % 3]
      walk(Math.floor(token / 6), row * pixels, column * pixels, [...KERNELS[depth]].reverse(), pixels)
    }
    expect([...values]).toEqual(expected)
  })

  it("has a token for every 8, 16 or 32 pixels, and none for a rest", () => {
    const sides = { width: 127, height: 64 }
    const grids = ([1, 2, 3] as const).map((depth: Depth) => patchGrid(sides, depth))
    expect(grids).toEqual([
      { height: 8, width: 15 },
      { height: 4, width: 7 },
      { height: 2, width: 3 },
    ])
    const { grid, values } = cutPatches(images(1, 9, 17), { depth: 1, channels: 3 })
    expect(grid).toEqual({ height: 1, width: 2 })
    expect(values).toHaveLength(2 * 64 * CHANNELS)
    // The second token begins eight pixels to the right.
    expect(values[64 * CHANNELS]).toBe(8 * CHANNELS)
  })

  it.each([
    [7, 8],
    [8, 7],
  ])("is refused at %d×%d px, which hold no token", (width, height) => {
    expect(() => patchGrid({ width, height }, 1)).toThrow(`${width}×${height} px, expected at least 8×8 px`)
  })

  it("is refused with values of another number", () => {
    expect(() => cutPatches({ ...images(1, 8, 16), width: 8 }, { depth: 1, channels: 3 })).toThrow(
      "384 values, expected 1×8×8×3",
    )
  })
})
