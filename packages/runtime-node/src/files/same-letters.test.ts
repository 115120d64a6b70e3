import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { checkFolder, readPictureFolder } from "../dataset/picture-folder.ts"
import { readTextFile } from "./read-text.ts"

const [ONE_SIGN, TWO_SIGNS] = ["caf\u00e9", "cafe\u0301"]
/** A letter with two accents, which has more than two forms. */
const [BOTH, APART] = ["\u1ed9", "o\u0323\u0302"]

describe("a path whose letters have another form of Unicode", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-letters-"))
    await mkdir(join(folder, TWO_SIGNS))
    await writeFile(join(folder, TWO_SIGNS, `${TWO_SIGNS}.txt`), "macOS")
    await writeFile(join(folder, TWO_SIGNS, `${TWO_SIGNS}.png`), "")
    await writeFile(join(folder, `${APART}.txt`), "apart")
    await writeFile(join(folder, "\u1ecd\u0302.txt"), "half")
  })
  afterAll(() => rm(folder, { recursive: true }))

  it("is that of the file, in every part of it", async () => {
    expect(await readTextFile(join(folder, ONE_SIGN, `${ONE_SIGN}.txt`))).toBe("macOS")
    expect(await readTextFile(join(folder, TWO_SIGNS, `${ONE_SIGN}.txt`))).toBe("macOS")
  })

  it("is that of a folder of pictures", async () => {
    await checkFolder(join(folder, ONE_SIGN))
    expect((await readPictureFolder(join(folder, ONE_SIGN))).names).toEqual([`${TWO_SIGNS}.png`])
  })

  it("is the exact one where that exists", async () => {
    await writeFile(join(folder, TWO_SIGNS, `${ONE_SIGN}.txt`), "typed")
    expect(await readTextFile(join(folder, ONE_SIGN, `${ONE_SIGN}.txt`))).toBe("typed")
    expect(await readTextFile(join(folder, ONE_SIGN, `${TWO_SIGNS}.txt`))).toBe("macOS")
  })

  it("is refused as it was written where none or several have the letters", async () => {
    for (const name of [BOTH, "caf\u00e8", "cafe"]) {
      const path = join(folder, `${name}.txt`)
      await expect(readTextFile(path)).rejects.toThrow(`cannot read "${path}": there is no such file or folder.`)
    }
  })
})
