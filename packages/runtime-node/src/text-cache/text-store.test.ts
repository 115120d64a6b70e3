import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { DatasetOptions } from "../dataset/dataset-config.ts"
import { datasetOfFolders } from "../dataset/dataset-config.ts"
import type { OpenDatasetOptions } from "../dataset/open-dataset.ts"
import { openDataset } from "../dataset/open-dataset.ts"
import { blankImage } from "../images/canvas.ts"
import { writePng } from "../images/png-file.ts"
import type { NumpyArray } from "../npz/npy.ts"
import { npzFile, readNpz } from "../npz/npz.ts"
import type { TextCacheOptions } from "./text-store.ts"

let folder = ""
let file = ""
const at = (...names: readonly string[]): string => join(folder, ...names)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-texts-"))
  file = at("images", "a_te_outputs.npz")
  await mkdir(at("images"))
  await writePng(at("images", "a.png"), blankImage(64, 64, [1, 2, 3]))
  await writePng(at("controls", "a.png"), blankImage(64, 64, [0, 0, 0]))
  await writeFile(at("images", "a.txt"), "a star")
})
afterEach(() => rm(folder, { recursive: true }))

const ENCODERS = { fingerprint: "these", widths: [3, 5, 2], projectsAlike: false } as const
const textOf = (tokens: number) => ({
  context: Float32Array.from({ length: tokens * 8 }, (_, i) => Math.sin(i)),
  pooled: Float32Array.of(0.5, -2),
})
const TEXT = textOf(77)

type Options = Omit<DatasetOptions, "imageDir" | "conditioningDataDir">
async function open(
  options: Options = {},
  cache: Partial<TextCacheOptions> = {},
  reading: Pick<OpenDatasetOptions, "captionChunks" | "weightedCaptions"> = {},
) {
  const config = datasetOfFolders({
    ...{ imageDir: at("images"), conditioningDataDir: at("controls"), captionExtension: ".txt" },
    ...{ resolution: 64, ...options },
  })
  const { texts } = await openDataset(config, { textCache: { encoders: ENCODERS, ...cache }, ...reading })
  if (texts === undefined) throw new Error("the data set keeps no texts")
  return texts
}
/** Why the file cannot be used. Null: it can. */
async function reasonOf(...given: Parameters<typeof open>): Promise<string | null> {
  const texts = await open(...given)
  if (await texts.has(0)) {
    expect(await texts.read(0)).not.toBeNull()
    return null
  }
  expect(await texts.read(0)).toBeNull()
  return /The reason: (.*)\.$/.exec(texts.notices?.()[0] ?? "")?.[1] ?? "there is none"
}
const foreign = (changes: Readonly<Record<string, NumpyArray>> = {}): Uint8Array => {
  const array = (shape: readonly number[]): NumpyArray => ({
    shape,
    values: new Float32Array(shape.reduce((product, side) => product * side, 1)).fill(2),
  })
  const arrays = { hidden_state1: array([77, 3]), hidden_state2: array([77, 5]), pool2: array([2]), ...changes }
  return npzFile(new Map(Object.entries(arrays)))
}
const COMPAT = { compat: "sd-scripts" } as const

describe("encoded captions in files", () => {
  it("come back with the same bytes", async () => {
    const texts = await open()
    expect(await texts.has(0)).toBe(false)
    expect(await texts.read(0)).toBeNull()
    await texts.write(0, TEXT)
    expect(await (await open()).has(0)).toBe(true)
    expect(await texts.read(0)).toEqual(TEXT)
    expect(texts.notices?.()).toEqual([])
  })

  it("are arrays as sd-scripts has them: the states of each encoder, and pooled text", async () => {
    await (await open()).write(0, TEXT)
    const arrays = await readNpz(file)
    expect(arrays.get("hidden_state1")?.shape).toEqual([77, 3])
    expect(arrays.get("hidden_state2")?.shape).toEqual([77, 5])
    expect(arrays.get("pool2")).toEqual({ shape: [2], values: TEXT.pooled })
    // Token 1 has the values 8 to 15, three of the first encoder and five of the second.
    expect(arrays.get("hidden_state1")?.values.slice(3, 6)).toEqual(TEXT.context.slice(8, 11))
    expect(arrays.get("hidden_state2")?.values.slice(5, 10)).toEqual(TEXT.context.slice(11, 16))
  })

  it("are not used after anything that they follow from has changed", async () => {
    await (await open()).write(0, TEXT)
    expect(await reasonOf()).toBeNull()
    expect(await reasonOf({ captionPrefix: "painting:" })).toBe("its caption is another")
    expect(await reasonOf({}, { encoders: { ...ENCODERS, fingerprint: "others" } })).toBe(
      "its text encoders are others",
    )
    expect(await reasonOf({}, { encoders: { ...ENCODERS, widths: [4, 5, 2] } })).toBe(
      "hidden_state1 is 77x3, expected 77x4",
    )
    const otherWay = "its caption was read in another way"
    expect(await reasonOf({}, COMPAT)).toBe(otherWay)
    expect(await reasonOf({}, { computation: "BF16 products" })).toBe(otherWay)
    expect(await reasonOf({}, {}, { weightedCaptions: true })).toBe(otherWay)
    expect(await reasonOf({}, {}, { captionChunks: 2 })).toBe("hidden_state1 is 77x3, expected 152x3")
    await writeFile(at("images", "a.txt"), "another star")
    expect(await reasonOf()).toBe("its caption is another")
    await writeFile(at("images", "a.txt"), "a star")
    expect(await reasonOf()).toBeNull()
  })

  it("do not depend on the way of projecting where both ways are one", async () => {
    const encoders = { ...ENCODERS, projectsAlike: true }
    await (await open({}, { encoders })).write(0, TEXT)
    expect(await reasonOf({}, { encoders, ...COMPAT })).toBeNull()
  })

  it("have 75 tokens for each chunk, and two more", async () => {
    const texts = await open({}, {}, { captionChunks: 3 })
    await texts.write(0, textOf(227))
    expect(await texts.read(0)).toEqual(textOf(227))
    expect((await readNpz(file)).get("hidden_state2")?.shape).toEqual([227, 5])
  })

  it("of another program are used where they fit, and a notice says what they do not say", async () => {
    await writeFile(file, foreign())
    const texts = await open({}, COMPAT)
    expect(await texts.has(0)).toBe(true)
    expect((await texts.read(0))?.context.every((value) => value === 2)).toBe(true)
    expect(texts.notices?.()).toEqual([
      `"${file}" is of another program, and does not say which caption and model it is of. It is used. Remove it if one of these was another.`,
    ])
    expect(await reasonOf({}, { encoders: { ...ENCODERS, projectsAlike: true } })).toBeNull()
  })

  it("of another program are not used where they cannot fit", async () => {
    await writeFile(file, foreign())
    expect(await reasonOf()).toContain("project pooled text the other way round")
    expect(await reasonOf({}, COMPAT, { weightedCaptions: true })).toContain("whether weights in its caption were read")
    expect(await reasonOf({ captionSuffix: "on blue" }, COMPAT)).toContain("captions as their files have them")
    const nan = { pool2: { shape: [2], values: Float32Array.of(1, Number.NaN) } }
    await writeFile(file, foreign(nan))
    expect(await reasonOf({}, COMPAT)).toBe("pool2 has values that are not finite")
    await writeFile(file, foreign({ pool2: { shape: [2], values: BigInt64Array.of(1n, 2n) } }))
    expect(await reasonOf({}, COMPAT)).toBe("pool2 has numbers that are not floats")
    await writeFile(file, foreign())
    await utimes(file, new Date(0), new Date(0))
    expect(await reasonOf({}, COMPAT)).toBe("its caption was changed after it")
    await rm(at("images", "a.txt"))
    expect(await reasonOf({}, COMPAT)).toBeNull()
  })

  it("that are damaged are made anew, and skipCheck leaves that to the step that reads them", async () => {
    for (const bytes of ["no zip", "", foreign().slice(0, 300)]) {
      await writeFile(file, bytes)
      expect(await reasonOf()).toBe("it is damaged")
    }
    const texts = await open({}, { skipCheck: true })
    expect(await texts.has(0)).toBe(true)
    expect(await texts.read(0)).toBeNull()
  })

  it("of one name and several captions have a file each", async () => {
    await writePng(at("images", "a.jpg.png"), blankImage(64, 64, [9, 9, 9]))
    await writePng(at("controls", "a.jpg.png"), blankImage(64, 64, [9, 9, 9]))
    await writeFile(at("images", "a.tags"), "star, blue")
    const sets = [".txt", ".tags"].map((captionExtension) =>
      datasetOfFolders({
        ...{ imageDir: at("images"), conditioningDataDir: at("controls"), resolution: 64, captionExtension },
      }),
    )
    const config = { batchSize: 1, notices: [], groups: sets.flatMap(({ groups }) => groups) }
    const { texts } = await openDataset(config, { textCache: { encoders: ENCODERS } })
    const other = { ...TEXT, pooled: Float32Array.of(7, 7) }
    // Pictures are sorted by name: a.jpg.png, a.png, and the same with the other captions.
    await Promise.all([texts?.write(1, TEXT), texts?.write(3, other), texts?.write(0, TEXT), texts?.write(2, TEXT)])
    expect(await texts?.read(1)).toEqual(TEXT)
    expect(await texts?.read(3)).toEqual(other)
    const files = (await readdir(at("images"))).filter((name) => name.endsWith(".npz"))
    expect(files).toEqual([
      "a.jpg_te_outputs.npz",
      expect.stringMatching(/^a_te_outputs_[0-9a-f]{12}\.npz$/),
      expect.stringMatching(/^a_te_outputs_[0-9a-f]{12}\.npz$/),
    ])
  })
})
