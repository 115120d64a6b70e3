import { describe, expect, it } from "vitest"
import { SMALL_LAYOUT } from "../../test/lllite-file.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { NAMED_SELECTIONS } from "../selections/named-selections.ts"
import { DEFAULT_SELECTION, enumerateSites } from "../selections/selection.ts"
import { checkSitesFit, inferLayout } from "./fit.ts"
import { siteTable } from "./site.ts"

describe("inferLayout", () => {
  it("is SDXL for any of SDXL's sites", () => {
    for (const selection of Object.values(NAMED_SELECTIONS)) {
      expect(inferLayout(enumerateSites(SDXL_LAYOUT, selection), "f")).toBe(SDXL_LAYOUT)
    }
  })

  it("is the whole layout if every site exists", () => {
    const layout = { ...SMALL_LAYOUT, transformerDepth: [1, 2, 3] as const, middleDepth: 4 }
    expect(inferLayout(siteTable(layout).sites, "f")).toEqual(layout)
  })

  it("is the smallest layout with the sites, if some are missing", () => {
    const limited = enumerateSites(SMALL_LAYOUT, { ...DEFAULT_SELECTION, inputBlocks: false, maxTransformerBlock: 0 })
    expect(inferLayout(limited, "f")).toEqual({ ...SMALL_LAYOUT, transformerDepth: [0, 0, 0], middleDepth: 1 })
  })

  it("finds other proportions by the layers that read one level, and by sums of two", () => {
    for (const channelMult of [
      [1, 1, 2],
      [1, 3, 3],
      [1, 2, 3],
    ] as const) {
      const layout = { modelChannels: 64, channelMult, transformerDepth: [0, 1, 2] as const, middleDepth: 2 }
      for (const selection of [NAMED_SELECTIONS.convToo, NAMED_SELECTIONS.convTooOutputBlocks]) {
        expect(inferLayout(enumerateSites(layout, selection), "f")).toEqual(layout)
      }
    }
    const layout = {
      modelChannels: 8,
      channelMult: [1, 3, 3] as const,
      transformerDepth: [0, 1, 2] as const,
      middleDepth: 2,
    }
    const transformers = enumerateSites(layout, NAMED_SELECTIONS.transformerAllOutputBlocks)
    // No layer of these reads the first level.
    expect(inferLayout(transformers, "f")).toEqual({ ...layout, modelChannels: 12, channelMult: [1, 2, 2] })
    const [first, second, ...rest] = transformers
    if (first === undefined || second === undefined) throw new Error("there are sites")
    expect(() => inferLayout([first, { ...second, inDim: 25 }, ...rest], "f")).toThrow(/Was the file edited/)
  })

  it("tells SDXL's width from SDXL's blocks", () => {
    const deeper = { ...SDXL_LAYOUT, transformerDepth: [1, 2, 10] as const }
    expect(inferLayout(enumerateSites(deeper), "f")).toEqual(deeper)
  })
})

describe("checkSitesFit", () => {
  it("says whether SDXL has a site that the U-Net lacks", () => {
    const sdxl = enumerateSites(SDXL_LAYOUT)
    expect(() => checkSitesFit(sdxl, SDXL_LAYOUT, "f")).not.toThrow()
    expect(() => checkSitesFit(sdxl, { ...SDXL_LAYOUT, middleDepth: 1 }, "f")).toThrow(
      "the U-Net has no middle_block.1.transformer_blocks.1.attn1.to_q. The file is for a deeper one.",
    )
    // The first level of SD 1.5 has transformers, and that of SDXL has none.
    const sd15 = enumerateSites({ ...SDXL_LAYOUT, transformerDepth: [1, 1, 1], middleDepth: 1 })
    expect(() => checkSitesFit(sd15, SDXL_LAYOUT, "f")).toThrow(
      "the U-Net has no input_blocks.1.1.transformer_blocks.0.attn1.to_q. The file is for another base model.",
    )
  })
})
