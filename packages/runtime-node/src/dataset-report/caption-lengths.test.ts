import { describe, expect, it } from "vitest"
import { readTokenizer } from "../checkpoint.ts"
import { captionLengths } from "./caption-lengths.ts"

const noPause = async (): Promise<void> => {}
const words = (count: number): string => "cat ".repeat(count)

describe("captionLengths", () => {
  it("counts tokens, and names the captions that are cut", async () => {
    const counts = [75, 76, 150, 151, 226, 0]
    const pairs = counts.map((count) => ({ image: `${count}.png`, caption: words(count) }))
    expect(await captionLengths(pairs, await readTokenizer(), noPause)).toEqual({
      ...{ count: 5, least: 75, median: 150, most: 226, longest: "226.png" },
      mean: (75 + 76 + 150 + 151 + 226) / 5,
      cut: [
        { tokens: 75, images: ["76.png", "150.png", "151.png", "226.png"] },
        { tokens: 150, images: ["151.png", "226.png"] },
        { tokens: 225, images: ["226.png"] },
      ],
    })
  })

  it("has zeros without captions", async () => {
    const lengths = await captionLengths([{ image: "a", caption: " " }], await readTokenizer(), noPause)
    expect(lengths).toMatchObject({ count: 0, least: 0, median: 0, most: 0, mean: 0, longest: null })
  })
})
