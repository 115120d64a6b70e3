import { describe, expect, it } from "vitest"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { parameterCount } from "./parameter-count.ts"
import type { SiteSelection } from "./selection.ts"
import { DEFAULT_SELECTION, enumerateSites } from "./selection.ts"

const dims = { condDim: 32, mlpDim: 64 }

// Counted by running the reference with its constants changed one by one. The columns are modules, parameters at 32/64,
// and the number of sites of each depth and width.
const rows: [string, Partial<SiteSelection>, number, number, string?][] = [
  ["default", {}, 136, 22_969_600, "2,640:16; 3,1280:120"],
  ["no input blocks", { inputBlocks: false }, 40, 7_134_720, "3,1280:40"],
  ["output blocks", { outputBlocks: true }, 280, 46_721_920, "2,640:40; 3,1280:240"],
  ["output blocks only", { inputBlocks: false, outputBlocks: true }, 184, 30_887_040, "2,640:24; 3,1280:160"],
  ["whole attention", { qkvOnly: false }, 204, 34_454_400, "2,640:24; 3,1280:180"],
  ["whole attention, output blocks", { qkvOnly: false, outputBlocks: true }, 420, 70_082_880, "2,640:60; 3,1280:360"],
  ["whole transformers", { attentionOnly: false }, 282, 63_252_288, "2,640:32; 2,2560:4; 3,1280:216; 3,5120:30"],
  [
    "whole transformers, output blocks",
    { attentionOnly: false, outputBlocks: true },
    582,
    128_761_056,
    "2,640:80; 2,2560:10; 3,1280:432; 3,5120:60",
  ],
  [
    "attn1 and more",
    { attentionOnly: false, attn1Etc: true },
    141,
    39_551_904,
    "2,640:14; 2,2560:4; 3,1280:93; 3,5120:30",
  ],
  [
    "attn1 and more, output blocks",
    { attentionOnly: false, attn1Etc: true, outputBlocks: true },
    291,
    80_479_728,
    "2,640:35; 2,2560:10; 3,1280:186; 3,5120:60",
  ],
  ["attn1 k and v", { attn1Etc: true }, 68, 11_484_800],
  ["beyond transformers, attention only", { transformerOnly: false }, 136, 22_969_600],
  [
    "convolutions too",
    { transformerOnly: false, attentionOnly: false },
    302,
    65_453_152,
    "1,320:4; 2,320:3; 2,640:35; 2,2560:4; 3,640:3; 3,1280:223; 3,5120:30",
  ],
  [
    "beyond transformers, no convolutions",
    { transformerOnly: false, attentionOnly: false, conv: false },
    282,
    63_252_288,
  ],
  [
    "convolutions too, output blocks",
    { transformerOnly: false, attentionOnly: false, outputBlocks: true },
    631,
    135_907_392,
  ],
  ["first transformer blocks", { maxTransformerBlock: 0 }, 20, 2_923_136],
  ["first two transformer blocks", { maxTransformerBlock: 1 }, 40, 5_846_272],
]

describe("enumerateSites counts what the reference counts", () => {
  it.each(rows)("%s", (_, change, modules, parameters, breakdown) => {
    const sites = enumerateSites(SDXL_LAYOUT, { ...DEFAULT_SELECTION, ...change })
    expect(sites).toHaveLength(modules)
    expect(parameterCount(sites, dims)).toBe(parameters)
    if (breakdown === undefined) return
    const counts = new Map<string, number>()
    for (const { depth, inDim } of sites) counts.set(`${depth},${inDim}`, (counts.get(`${depth},${inDim}`) ?? 0) + 1)
    const parts = breakdown.split("; ").map((part) => part.split(":") as [string, string])
    expect(counts).toEqual(new Map(parts.map(([group, count]) => [group, Number(count)])))
  })

  it("takes the middle block or leaves it", () => {
    const without = enumerateSites(SDXL_LAYOUT, { ...DEFAULT_SELECTION, middle: false })
    expect(without).toHaveLength(96)
    expect(without.some(({ section }) => section === "middle")).toBe(false)
  })

  it.each([-1, 1.5, Number.NaN])("refuses %d as the highest transformer block", (maxTransformerBlock) => {
    expect(() => enumerateSites(SDXL_LAYOUT, { ...DEFAULT_SELECTION, maxTransformerBlock })).toThrow(
      expect.objectContaining({ code: "selection" }),
    )
  })
})
