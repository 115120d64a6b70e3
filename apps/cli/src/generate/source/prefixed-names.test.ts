import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createRecipe } from "@lllite/core/recipe"
import { afterAll, describe, expect, it } from "vitest"
import type { PlannedPicture } from "../plan-pictures.ts"
import { expandPrefix, withPrefix } from "./prefixed-names.ts"

const folder = mkdtempSync(join(tmpdir(), "lllite-prefix-"))
afterAll(() => rmSync(folder, { recursive: true }))

const recipe = createRecipe({
  ...{ prompt: "a", seed: 7, width: 128, height: 96, model: { checkpoint: { path: "tiny" } } },
})
const now = new Date(2026, 2, 4, 5, 6, 7)
const picture: PlannedPicture = { recipe, written: "a", tags: [], fileName: null, clipPrompt: null }
const names = async (prefix: string | null, pictures = [picture]) => {
  const named = await withPrefix(pictures, prefix, folder, { now, used: new Map() })
  return named.map(({ fileName }) => fileName)
}

describe("names of Save Image", () => {
  it("have the time, the size and the seed", () => {
    const prefix = "%date:yyyy-MM-dd hhmmss%_%width%x%height%_%seed%_%year%_%other%"
    expect(expandPrefix(prefix, recipe, now)).toBe("2026-03-04 050607_128x96_7_2026_%other%")
    expect(expandPrefix("%date%", recipe, now)).toBe("20260304050607")
    expect(expandPrefix("%date:d.M.yy%", recipe, now)).toBe("4.3.26")
  })

  it("are numbered after those of the folder", async () => {
    for (const name of ["cat_00004_.png", "cat_x.png", "catalogue_00009_.png"]) writeFileSync(join(folder, name), "")
    expect(await names("cat", [picture, picture])).toEqual(["cat_00005_.png", "cat_00006_.png"])
    expect(await names("%date:yyyy%/cat")).toEqual(["2026/cat_00001_.png"])
  })

  it("do not lead out of the folder, and have signs that every system takes", async () => {
    expect(await names("../../etc/cron:d")).toEqual(["etc/cron_d_00001_.png"])
    expect(await names("C:\\x\\..\\\u0007")).toEqual(["C_/x/__00001_.png"])
    expect(await names("../..")).toEqual([null])
  })

  it("are those of the command at a default prefix, or where a line has a name", async () => {
    for (const prefix of [null, "ComfyUI", "lllite"]) expect(await names(prefix)).toEqual([null])
    expect(await names("cat", [{ ...picture, fileName: "own.png" }])).toEqual(["own.png"])
  })
})
