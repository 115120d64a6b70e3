import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { fileMatching } from "./path-pattern.ts"

let folder = ""
const at = (name: string): string => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-pattern-"))
  for (const name of ["a1", "a2", "a3", "a4", "b1", "x[1]"]) await writeFile(at(name), "")
})
afterAll(() => rm(folder, { recursive: true }))

it("gives the one file that a pattern matches", async () => {
  expect(await fileMatching(at("b*"))).toBe(at("b1"))
})

it.each(["a1", "missing", "x[1]"])("leaves %s as it is", async (name) => {
  expect(await fileMatching(at(name))).toBe(at(name))
})

it("refuses a pattern that matches several files, with the first of them", async () => {
  const names = ["a1", "a2", "a3"].map((name) => `"${at(name)}"`).join(", ")
  await expect(fileMatching(at("a*"))).rejects.toThrow(
    `"${at("a*")}" matches 4 files: ${names} and 1 more. Name one of them.`,
  )
})

it("refuses a pattern that matches no file", async () => {
  await expect(fileMatching(at("c*"))).rejects.toThrow(`no file matches "${at("c*")}". Check the path.`)
})
