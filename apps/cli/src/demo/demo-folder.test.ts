import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { demoFolder } from "./demo-folder.ts"

const home = process.cwd()
const folder = mkdtempSync(join(tmpdir(), "lllite-demo-"))
beforeAll(() => process.chdir(folder))
afterAll(() => {
  process.chdir(home)
  rmSync(folder, { recursive: true })
})

it("takes a new folder for each demo that names none", async () => {
  expect(await demoFolder(undefined, false)).toBe("demo-output")
  mkdirSync("demo-output")
  expect(await demoFolder(undefined, false)).toBe("demo-output-2")
  mkdirSync("demo-output-2")
  expect(await demoFolder(undefined, false)).toBe("demo-output-3")
  expect(await demoFolder(undefined, true)).toBe("demo-output")
  expect(await demoFolder("mine", false)).toBe("mine")
})
