import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import type { PicturePlan } from "./plan-pictures.ts"
import { planPictures } from "./plan-pictures.ts"
import { problemsOfSource, readPromptFile } from "./prompts.ts"

const folder = mkdtempSync(join(tmpdir(), "lllite-prompts-"))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string | Uint8Array): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const plan = (texts: readonly string[], changes: Partial<PicturePlan> = {}) =>
  planPictures({
    sources: texts.map((text, i) => ({ text, where: '"p.txt"', line: i + 1 })),
    base: { width: 64, height: 96, steps: 5, model: { checkpoint: { path: "tiny" } } },
    size: { originalWidth: undefined, originalHeight: undefined, cropTop: 0, cropLeft: 0, target: null },
    ...{ seed: 10, imagesPerPrompt: 1, iterations: 1, sameSeed: false, wildcards: undefined, guides: [] },
    ...changes,
  })
const brief = (texts: readonly string[], changes: Partial<PicturePlan> = {}) =>
  plan(texts, changes).map(({ recipe }) => [recipe.prompt, recipe.seed])

describe("planPictures", () => {
  it("follows the options of a line, and the command's where a line has none", () => {
    const [first, second] = plan(["a cat --w 128 --h 64 --s 7 --l 4.5 --n bad --d 3 --ow 640 --f cat", "a dog"])
    expect(first).toMatchObject({
      fileName: "cat.png",
      recipe: {
        ...{ prompt: "a cat", negativePrompt: "bad", width: 128, height: 64, steps: 7, guidanceScale: 4.5, seed: 3 },
        size: { original: [64, 640], crop: [0, 0], target: [64, 128] },
      },
    })
    expect(second).toMatchObject({
      fileName: null,
      recipe: { prompt: "a dog", width: 64, height: 96, steps: 5, seed: 10 },
    })
  })

  it("gives all pictures of a line its name, and keeps its text of CLIP guidance", () => {
    const named = plan(["a --f x --c sharp", "b"], { imagesPerPrompt: 2 })
    expect(named.map(({ fileName, clipPrompt }) => [fileName, clipPrompt])).toEqual([
      ...[
        ["x.png", "sharp"],
        ["x.png", "sharp"],
      ],
      ...[
        [null, null],
        [null, null],
      ],
    ])
  })

  it("gives a prompt of a start picture this picture, in whatever order", () => {
    const startOf = (name: string) => ({ image: `${name}.png`, mask: null, width: 64, height: 64 })
    const made = plan([], {
      sources: ["a", "b"].map((text, start) => ({
        text,
        start,
        where: text,
        isLiteral: true,
        negativePrompt: `no ${text}`,
      })),
      starts: [startOf("a"), startOf("b")],
      base: { width: 64, height: 64, model: { checkpoint: { path: "tiny" } }, start: { image: { path: "." } } },
      ...{ imagesPerPrompt: 2, isShuffled: true, iterations: 2 },
    })
    expect(made).toHaveLength(8)
    for (const { recipe } of made) {
      expect(recipe.start?.image.path).toBe(`${recipe.prompt}.png`)
      expect(recipe.negativePrompt).toBe(`no ${recipe.prompt}`)
    }
  })

  it("shuffles the prompts of each iteration by the seed, and gives seeds in the order of drawing", () => {
    const texts = ["a", "b", "c", "d", "e", "f"]
    const of = (seed: number) => brief(texts, { seed, iterations: 2, isShuffled: true })
    const drawn = of(10)
    expect(drawn.map(([, seed]) => seed)).toEqual(Array.from({ length: 12 }, (_, i) => 10 + i))
    const order = (pictures: typeof drawn) => pictures.map(([prompt]) => prompt).join("")
    const [first, second] = [order(drawn).slice(0, 6), order(drawn).slice(6)]
    for (const each of [first, second]) expect([...each].sort()).toEqual(texts)
    expect(first).not.toBe("abcdef")
    expect(second).not.toBe(first)
    expect(of(10)).toEqual(drawn)
    expect(order(of(11))).not.toBe(order(drawn))
  })

  it("follows a line's scale of the negative prompt, and its none", () => {
    const base = { width: 64, height: 96, negativeScale: 2, model: { checkpoint: { path: "tiny" } } }
    const scales = plan(["a", "a --nl 0.5", "a --nl 0", "a --nl None"], { base })
    expect(scales.map(({ recipe }) => recipe.negativeScale)).toEqual([2, 0.5, 0, null])
  })

  it("gives each picture the next seed, those of its line, or one for each iteration", () => {
    expect(brief(["a", "b --d 1,2"], { imagesPerPrompt: 3 })).toEqual([
      ...[
        ["a", 10],
        ["a", 11],
        ["a", 12],
      ],
      ...[
        ["b", 1],
        ["b", 2],
        ["b", 2],
      ],
    ])
    expect(brief(["a", "b"], { iterations: 2 })).toEqual([
      ["a", 10],
      ["b", 11],
      ["a", 12],
      ["b", 13],
    ])
    expect(brief(["a", "b"], { iterations: 2, sameSeed: true })).toEqual([
      ["a", 10],
      ["b", 10],
      ["a", 11],
      ["b", 11],
    ])
  })

  it("expands groups of prompts and of negative prompts, by the seed of the picture", () => {
    expect(brief(["{e$$a|b} cat --d 4"])).toEqual([
      ["a cat", 4],
      ["b cat", 4],
    ])
    const [picture] = plan(["a {cat} --n {bad}"])
    expect(picture?.recipe).toMatchObject({ prompt: "a cat", negativePrompt: "bad" })
    const many = { imagesPerPrompt: 40 }
    expect(new Set(brief(["{a|b|c}"], many).map(([prompt]) => prompt)).size).toBe(3)
    expect(brief(["{a|b|c}"], many)).toEqual(brief(["{a|b|c}"], many))
  })

  it("reads wildcards from a folder, and leaves them where there is none", () => {
    file("colour.txt", "# colours\nred\r\n\r\n  blue  \n")
    expect(brief(["{e$$__colour__}"], { wildcards: folder })).toEqual([
      ["red", 10],
      ["blue", 10],
    ])
    expect(brief(["__colour__"])).toEqual([["__colour__", 10]])
  })

  it("names files as their lines do, as PNGs or WebPs", () => {
    const names = ["a --f x", "a --f y.png", "a --f z.webp", "a"].map((line) => plan([line])[0]?.fileName)
    expect(names).toEqual(["x.png", "y.png", "z.webp", null])
  })

  it.each([
    ["__shape__", "__shape__ has no file"],
    ["__../colour__", "leads out of"],
    ["a --f ../x", '"p.txt", line 1: --f is "../x", expected the name of a PNG or a WebP without a folder'],
    ["a --f x.jpg", '--f is "x.jpg", expected the name of a PNG or a WebP'],
    ["a --w 16384 --f x.webp", '--f is "x.webp" of 16384x96, expected sides of at most 16383 for a WebP'],
    ["a --w 100", '"p.txt", line 1: width is 100, expected a multiple of 8'],
  ])("refuses %j, with its place", (prompt, message) => {
    expect(() => plan([prompt], { wildcards: folder })).toThrow(message)
  })
})

describe("readPromptFile", () => {
  it("reads lines of every system and of UTF-16, without comments", async () => {
    const lines = "\ufeff# first\r\n a cat \r\rb\n"
    const wanted = [
      ["a cat", 2],
      ["b", 4],
    ]
    const read = async (path: string) => (await readPromptFile(path)).map(({ text, line }) => [text, line])
    expect(await read(file("a.txt", lines.slice(1)))).toEqual(wanted)
    expect(await read(file("b.txt", Buffer.from(lines, "utf16le")))).toEqual(wanted)
  })

  it("refuses a file without prompts, and one that is not there", async () => {
    await expect(readPromptFile(file("empty.txt", "# nothing\n\n"))).rejects.toThrow("has no prompt")
    await expect(readPromptFile(join(folder, "none.txt"))).rejects.toThrow("none.txt")
  })

  it("names the line of every option that is wrong", () => {
    expect(problemsOfSource({ text: "a --x 1 --w b", where: "f", line: 3 })).toEqual([
      { where: "f", line: 3, text: expect.stringContaining('"--x 1" is not an option of a prompt') },
      { where: "f", line: 3, text: '--w is "b", expected a whole number' },
    ])
  })
})
