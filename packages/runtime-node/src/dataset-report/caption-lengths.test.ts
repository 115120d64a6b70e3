import { describe, expect, it } from "vitest"
import { readTokenizer } from "../checkpoint.ts"
import { captionLengths } from "./caption-lengths.ts"

const noPause = async (): Promise<void> => {}
const words = (count: number): string => "cat ".repeat(count)

describe("captionLengths", () => {
  it("counts tokens, and names the captions that are cut", async () => {
    const counts = [75, 76, 150, 151, 226, 0]
    const pairs = counts.map((count) => ({ image: `${count}.png`, caption: words(count) }))
    expect(await captionLengths(pairs, await readTokenizer(), false, noPause)).toEqual({
      ...{ count: 5, least: 75, median: 150, most: 226, longest: "226.png" },
      mean: (75 + 76 + 150 + 151 + 226) / 5,
      cut: [
        { tokens: 75, images: ["76.png", "150.png", "151.png", "226.png"] },
        { tokens: 150, images: ["151.png", "226.png"] },
        { tokens: 225, images: ["226.png"] },
      ],
    })
  })

  it("leaves out the signs of weights where training reads them", async () => {
    const pairs = [{ image: "a", caption: "a (red:1.2) star" }]
    const tokens = async (isWeighted: boolean): Promise<number> =>
      (await captionLengths(pairs, await readTokenizer(), isWeighted, noPause)).most
    expect([await tokens(true), await tokens(false)]).toEqual([3, 9])
  })

  it("has zeros without captions", async () => {
    const lengths = await captionLengths([{ image: "a", caption: " " }], await readTokenizer(), false, noPause)
    expect(lengths).toMatchObject({ count: 0, least: 0, median: 0, most: 0, mean: 0, longest: null })
  })
})
