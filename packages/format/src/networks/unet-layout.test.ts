import { describe, expect, it } from "vitest"
import { checkLayout, SDXL_LAYOUT, sameLayout, type UnetLayout } from "./unet-layout.ts"

describe("a layout", () => {
  const REFUSED: readonly [string, Partial<UnetLayout>, string][] = [
    ["no channels", { modelChannels: 0 }, "modelChannels is 0, expected a whole number of at least 1"],
    ["half a channel", { modelChannels: 32.5 }, "modelChannels is 32.5"],
    ["too many channels", { modelChannels: 65537 }, "modelChannels is 65537"],
    [
      "a level without channels",
      { channelMult: [1, 0, 4] },
      "channelMult[1] is 0, expected a whole number of at least 1",
    ],
    [
      "a depth below 0",
      { transformerDepth: [0, 2, -1] },
      "transformerDepth[2] is -1, expected a whole number of at least 0",
    ],
    ["a middle below 0", { middleDepth: -1 }, "middleDepth is -1, expected a whole number of at least 0"],
    ["a middle without a number", { middleDepth: Number.NaN }, "middleDepth is NaN"],
  ]
  it.each(REFUSED)("of %s is refused by name", (_, change, message) => {
    expect(() => checkLayout({ ...SDXL_LAYOUT, ...change })).toThrow(
      expect.objectContaining({ code: "layout", message: expect.stringContaining(message) }),
    )
  })

  it("may have the least and the greatest numbers", () => {
    const least: UnetLayout = { modelChannels: 1, channelMult: [1, 1, 1], transformerDepth: [0, 0, 0], middleDepth: 0 }
    expect(() => checkLayout(least)).not.toThrow()
    expect(() => checkLayout({ ...least, modelChannels: 65536 })).not.toThrow()
  })

  it("is the same as another by each of its numbers", () => {
    expect(sameLayout(SDXL_LAYOUT, structuredClone(SDXL_LAYOUT))).toBe(true)
    const others: readonly Partial<UnetLayout>[] = [
      { modelChannels: 384 },
      { channelMult: [2, 2, 4] },
      { channelMult: [1, 2, 2] },
      { transformerDepth: [1, 2, 10] },
      { transformerDepth: [0, 2, 9] },
      { middleDepth: 4 },
    ]
    for (const other of others) expect(sameLayout(SDXL_LAYOUT, { ...SDXL_LAYOUT, ...other })).toBe(false)
  })
})
