import { expect, it } from "vitest"
import { sdxlShapes } from "./sdxl-shapes.ts"

it("counts the known number of SDXL's values", async () => {
  const counts = Object.values(await sdxlShapes()).map((shapes: ReadonlyMap<string, readonly number[]>) =>
    [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0),
  )
  // U-Net, CLIP-L, bigG and VAE. Position ids and CLIP's logit scale are not read.
  expect(counts).toEqual([2_567_463_684, 123_060_480, 694_659_840, 83_653_863])
})
