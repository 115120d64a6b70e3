import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { InputError } from "./errors.ts"
import { programFile, requireFrom } from "./own-files.ts"

describe("programFile", () => {
  let folder: string
  const place = (path: string): string => join(folder, path)
  const url = (path: string): string => pathToFileURL(place(path)).href
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-own-"))
    const installed = place("app/node_modules/@lllite/runtime-node")
    await mkdir(join(installed, "dist"), { recursive: true })
    // An installation of another version, without such a file.
    const other = place("alone/node_modules/@lllite/runtime-node")
    await mkdir(other, { recursive: true })
    await writeFile(join(other, "package.json"), '{ "name": "@lllite/runtime-node", "main": "./index.cjs" }')
    await writeFile(join(other, "index.cjs"), "")
    await writeFile(join(installed, "package.json"), '{ "name": "@lllite/runtime-node", "main": "./dist/index.cjs" }')
    for (const name of ["index.cjs", "lllite-worker.js", "lllite-probe.js"])
      await writeFile(join(installed, "dist", name), "")
    // A worker of the program itself, which must not be taken.
    for (const path of ["app/worker.js", "alone/worker.js"]) await writeFile(place(path), "")
  })
  afterAll(() => rm(folder, { recursive: true }))

  it("is beside the module that starts it, as a source or built", () => {
    expect(programFile("probe", url("src/backends/start.ts"))).toBe(place("src/backends/probe.ts"))
    const dist = "app/node_modules/@lllite/runtime-node/dist"
    expect(programFile("worker", url(`${dist}/chunk.js`))).toBe(place(`${dist}/lllite-worker.js`))
  })

  it("is the one of the installed package, where a bundler has moved the module", () => {
    const expected = place("app/node_modules/@lllite/runtime-node/dist/lllite-worker.js")
    expect(programFile("worker", url("app/bundle/main.mjs"))).toBe(expected)
  })

  it("is refused with the way out where there is none", () => {
    expect(() => programFile("worker", url("alone/main.mjs"))).toThrow(InputError)
    expect(() => programFile("worker", url("alone/main.mjs"))).toThrow(/--packages=external/)
  })
})

describe("requireFrom", () => {
  it("takes the program's main file where a bundle of CommonJS has no address", () => {
    expect(requireFrom(undefined).resolve("node:fs")).toBe("node:fs")
  })
})
