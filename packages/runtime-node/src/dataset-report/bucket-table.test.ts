import { describe, expect, it } from "vitest"
import { createFitter } from "../dataset/fit-pair.ts"
import { bucketTable } from "./bucket-table.ts"

const fit = createFitter({
  resolution: [1024, 1024],
  buckets: { step: 64, minSize: 512, maxSize: 2048, noUpscale: false },
})

describe("bucketTable", () => {
  it("counts what is enlarged and cut off, by size", () => {
    const rows = bucketTable([
      { path: "a", repeats: 2, batchSize: 2, fit: fit([2048, 2048]) },
      { path: "b", repeats: 1, batchSize: 2, fit: fit([512, 512]) },
      { path: "c", repeats: 1, batchSize: 2, fit: fit([1000, 700]) },
      { path: "d", repeats: 1, batchSize: 4, fit: fit([1024, 1024]) },
    ])
    expect(rows).toEqual([
      {
        ...{ width: 1024, height: 1024, batchSize: 2, pictures: 2, examples: 3 },
        ...{ upscaled: 1, mostUpscale: 2, meanCrop: 0, mostCrop: 0 },
      },
      // Pairs of a data set with larger batches share none with the others.
      {
        ...{ width: 1024, height: 1024, batchSize: 4, pictures: 1, examples: 1 },
        ...{ upscaled: 0, mostUpscale: 1, meanCrop: 0, mostCrop: 0 },
      },
      // 1000 x 700 becomes 1216 x 851, of which 19 rows are cut off.
      {
        ...{ width: 1216, height: 832, batchSize: 2, pictures: 1, examples: 1, upscaled: 1 },
        mostUpscale: expect.closeTo(851 / 700, 2),
        meanCrop: expect.closeTo(19 / 851, 10),
        mostCrop: expect.closeTo(19 / 851, 10),
      },
    ])
  })

  it("has no row without pictures", () => expect(bucketTable([])).toEqual([]))
})
