import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { LONGEST, longestFirst } from "./longest-first.ts"

it("names files that exist, each once", () => {
  const root = fileURLToPath(new URL("../", import.meta.url))
  expect(LONGEST.filter((path) => !existsSync(root + path))).toEqual([])
  expect(new Set(LONGEST).size).toBe(LONGEST.length)
})

it("begins with the longest files, and keeps the order of the others", () => {
  const [first = "", second = ""] = LONGEST
  const files = ["/b.test.ts", `/project/${second}`, "/a.test.ts", `/project/${first}`]
  const sorted = [`/project/${first}`, `/project/${second}`, "/b.test.ts", "/a.test.ts"]
  expect(longestFirst(files, (path) => path)).toEqual(sorted)
})
