import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { InputError } from "./errors.ts"
import { packageSources, programFile, requireFrom } from "./own-files.ts"

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

describe("packageSources", () => {
  let folder: string
  const place = (path: string): string => join(folder, path)
  const url = (path: string): string => pathToFileURL(place(path)).href
  const installed = "app/node_modules/@lllite/runtime-node"
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-own-"))
    for (const path of [`${installed}/dist`, `${installed}/kernels`, "app/kernels", "app/bundle", "alone/kernels"]) {
      await mkdir(place(path), { recursive: true })
    }
    await writeFile(
      place(`${installed}/package.json`),
      '{ "name": "@lllite/runtime-node", "main": "./dist/index.cjs" }',
    )
    await writeFile(place(`${installed}/dist/index.cjs`), "")
    await writeFile(place("app/package.json"), '{ "name": "app" }')
  })
  afterAll(() => rm(folder, { recursive: true }))

  it("are those of this package, from its sources, its build and a bundle", () => {
    expect(packageSources("kernels", import.meta.url)).toMatch(/runtime-node.kernels$/)
    for (const from of [`${installed}/dist/chunk.js`, `${installed}/src/a/b.ts`, "app/bundle/main.mjs"]) {
      expect(packageSources("kernels", url(from))).toBe(place(`${installed}/kernels`))
    }
  })

  it("are not a folder of the same name elsewhere", async () => {
    // An installation of another version, without sources.
    const other = place("alone/node_modules/@lllite/runtime-node/dist")
    await mkdir(other, { recursive: true })
    await writeFile(join(other, "..", "package.json"), '{ "name": "@lllite/runtime-node", "main": "./dist/index.cjs" }')
    await writeFile(join(other, "index.cjs"), "")
    expect(packageSources("kernels", url("alone/main.mjs"))).toBeNull()
  })
})

describe("requireFrom", () => {
  it("takes the program's main file where a bundle of CommonJS has no address", () => {
    expect(requireFrom(undefined).resolve("node:fs")).toBe("node:fs")
  })
})
