import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { countFates, renderSupport, SCRIPTS } from "./support.ts"

const file = fileURLToPath(new URL("../../../../SUPPORT.md", import.meta.url))

it.each(SCRIPTS)("takes, ignores or refuses every option of $script", ({ names, table }) => {
  const { taken, ignored, refused } = countFates(names, table)
  expect(new Set(names).size).toBe(names.length)
  expect(taken + ignored + refused).toBe(names.length)
})

it("knows how many options the scripts have", () => {
  expect(SCRIPTS.map(({ names }) => names.length)).toEqual([171, 78, 94])
})

// `npm run support` writes the file anew.
it("equals SUPPORT.md", async () => {
  await expect(renderSupport()).toMatchFileSnapshot(file)
})
