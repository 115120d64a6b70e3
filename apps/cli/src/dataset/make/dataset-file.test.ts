import { parseDatasetConfig } from "@lllite/runtime-node"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { datasetToml, trainingSize } from "./dataset-file.ts"

const size = (width: number, height = width) => ({ width, height })

describe("trainingSize", () => {
  it("trains pictures of one size as they are", () => {
    expect(trainingSize([size(128), size(128)], undefined)).toEqual({ resolution: [128, 128], buckets: null })
    expect(trainingSize([size(1216, 832)], undefined)).toEqual({ resolution: [1216, 832], buckets: null })
    expect(trainingSize([size(768)], [768, 768])).toEqual({ resolution: [768, 768], buckets: null })
  })

  it("sorts others into buckets of their middle size, at most 1024", () => {
    const wide = { resolution: [1024, 1024], buckets: { min: 512, max: 2048, step: 64 } }
    expect(trainingSize([size(4000, 3000), size(3000, 4000)], undefined)).toEqual(wide)
    expect(trainingSize([size(2048)], undefined)).toEqual(wide)
    expect(trainingSize([size(500), size(520), size(4000)], undefined)).toEqual({
      resolution: [512, 512],
      buckets: { min: 256, max: 1024, step: 64 },
    })
    expect(trainingSize([size(100)], undefined)).toEqual({
      resolution: [96, 96],
      buckets: { min: 32, max: 192, step: 32 },
    })
    expect(trainingSize([size(5)], undefined).resolution).toEqual([32, 32])
    expect(trainingSize([size(1024)], [512, 768]).buckets).toEqual({ min: 256, max: 1536, step: 64 })
  })
})

describe("datasetToml", () => {
  it("is read back, whatever the folders and pictures are", () => {
    const side = fc.integer({ min: 1, max: 9000 })
    const sizes = fc.array(fc.record({ width: side, height: side }), { minLength: 1, maxLength: 5 })
    const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !/\0/.test(text) && text.trim() !== "")
    fc.assert(
      fc.property(sizes, name, fc.integer({ min: 1, max: 4096 }), (pictures, folder, batchSize) => {
        const [imageDir, controlDir] = [`/${folder}/images`, `/${folder}/controls`]
        const fit = trainingSize(pictures, undefined)
        const file = { imageDir, controlDir, captionExtension: ".txt", batchSize, repeats: 2, fit, prep: "canny:" }
        const config = parseDatasetConfig(datasetToml(file), "made.toml")
        expect(config.batchSize).toBe(batchSize)
        expect(config.groups[0]?.resolution).toEqual(fit.resolution)
        expect(config.groups[0]?.buckets?.step ?? null).toBe(fit.buckets?.step ?? null)
        expect(config.groups[0]?.subsets[0]?.repeats).toBe(2)
      }),
    )
  })
})
