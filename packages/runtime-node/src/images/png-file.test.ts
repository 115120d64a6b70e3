import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { blankImage } from "../index.ts"
import { encodePng } from "./png.ts"
import { readPngText } from "./png-file.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-png-file-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe("readPngText", () => {
  it("reads the text of a file, and names a file that is none or ends too early", async () => {
    const bytes = encodePng(blankImage(8, 8, [1, 2, 3]), new Map([["prompt", "a red star"]]))
    const at = (name: string): string => join(folder, name)
    await writeFile(at("whole.png"), bytes)
    await writeFile(at("cut.png"), bytes.subarray(0, bytes.length - 20))
    await writeFile(at("text.png"), "hello")
    expect(await readPngText(at("whole.png"))).toEqual(new Map([["prompt", "a red star"]]))
    await expect(readPngText(at("cut.png"))).rejects.toThrow(
      `"${at("cut.png")}": PNG text: the file ends inside of the chunk`,
    )
    await expect(readPngText(at("text.png"))).rejects.toThrow(`"${at("text.png")}": PNG text: the bytes are not a PNG`)
  })
})
