import { describe, expect, it } from "vitest"
import { planPictures } from "./plan-pictures.ts"

const LINES = ["a cat --d 42", "a dog", "bird --d 5,6,7", "plain", "{red|blue} ball --d 9", "dash"]

const seedsOf = (
  seed: number,
  more: { images?: number; iterations?: number; sameSeed?: boolean; compat?: "sd-scripts"; isOfPicture?: boolean } = {},
): readonly (readonly unknown[])[] => {
  const { images = 1, iterations = 1, sameSeed = false, compat = null, isOfPicture = false } = more
  const pictures = planPictures({
    sources: LINES.map((text) => ({ text, where: "lines" })),
    base: { width: 64, height: 64, model: { checkpoint: { path: "tiny" } }, prompts: { compat } },
    size: { originalWidth: undefined, originalHeight: undefined, cropTop: 0, cropLeft: 0, target: null },
    ...{ guides: [], seed, imagesPerPrompt: images, iterations, sameSeed, wildcards: undefined },
    isSeedOfPicture: isOfPicture,
  })
  const seeds = pictures.map(({ recipe }) => recipe.seed)
  return Array.from({ length: seeds.length / images }, (_, i) => seeds.slice(i * images, (i + 1) * images))
}

describe("the seeds of pictures", () => {
  it("go on from the first one, and lines that name seeds leave none out", () => {
    expect(seedsOf(10, { images: 2 })).toEqual([
      [42, 42],
      [10, 11],
      [5, 6],
      [12, 13],
      [9, 9],
      [14, 15],
    ])
  })

  it("are one for each iteration", () => {
    const seeds = seedsOf(7, { iterations: 2, sameSeed: true })
    expect(seeds.flat()).toEqual([42, 7, 5, 7, 9, 7, 42, 8, 5, 8, 9, 8])
  })

  // Of gen_img.py at 48d368f.
  it("are those of sd-scripts with --compat sd-scripts", () => {
    expect(seedsOf(1, { compat: "sd-scripts" }).flat()).toEqual([42, 3280387012, 5, 1095513148, 9, 1930549411])
    expect(seedsOf(3, { compat: "sd-scripts", images: 2 })).toEqual([
      [42, 42],
      [2337446730, 2593816829],
      [5, 6],
      [3596902313, 1006443827],
      [9, 2045921456],
      [646892613, 2726705791],
    ])
    const same = seedsOf(4, { compat: "sd-scripts", iterations: 2, sameSeed: true }).flat()
    expect(same).toEqual([
      ...[42, 1013818839, 5, 1013818839, 9, 1013818839],
      ...[42, 1701057193, 5, 1701057193, 9, 1701057193],
    ])
  })

  it("begin with that of a picture which is made again, also with --compat sd-scripts", () => {
    const again = { compat: "sd-scripts", isOfPicture: true } as const
    expect(seedsOf(1, again).flat()).toEqual([42, 1, 5, 2, 9, 3])
  })
})
