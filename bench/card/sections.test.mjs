import { readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"

const files = readdirSync(new URL("sections", import.meta.url)).filter((name) => name.endsWith(".mjs"))

describe("the sections of a card's check", () => {
  it.each(files)("find all that they import from the packages: %s", async (file) => {
    expect(await import(`./sections/${file}`)).toMatchObject({ run: expect.any(Function) })
  })
})
