import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("..", import.meta.url))

describe("a suite whose reference cases are missing", () => {
  const empty = mkdtempSync(join(tmpdir(), "lllite-no-cases-"))
  afterAll(() => rmSync(empty, { recursive: true }))

  /** Runs one small file of tests with the cases of a folder. */
  function runWith(reference: string): { status: number | null; output: string } {
    const args = [join(root, "node_modules/vitest/vitest.mjs"), "run", "packages/format/src/modelspec"]
    const env = { ...process.env, LLLITE_REFERENCE: reference, NO_COLOR: "1" }
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8" })
    return { status, output: stdout + stderr }
  }

  it("is named at the end of the run, with what it needs", () => {
    const { status, output } = runWith(empty)
    expect(status).toBe(0)
    const end = output.slice(output.indexOf("!! NOT RUN"))
    expect(end).toContain("!! NOT RUN: 1 tests of 1 suites.")
    expect(end).toContain("metadata.test.ts: buildLlliteMetadata matches the reference's file (1)")
    expect(end).toContain(`needs files/lllite-tiny-f32.safetensors, which ${empty} does not have`)
    expect(end).toMatch(/\d+ passed, 0 failed, 1 skipped\s*$/)
  })

  it("fails where LLLITE_REFERENCE names a folder that is not there", () => {
    const { status, output } = runWith(join(empty, "cases"))
    expect(status).toBe(1)
    expect(output).toContain(`LLLITE_REFERENCE names "${join(empty, "cases")}", which is not there`)
  })
})

describe("a test that passes at its second try only", () => {
  const folder = mkdtempSync(join(tmpdir(), "lllite-flaky-"))
  afterAll(() => rmSync(folder, { recursive: true }))

  it("is named at the end of the run", () => {
    const steady = `it("is steady", () => {})`
    const flaky = `let tries = 0; it("is flaky", () => { tries += 1; if (tries === 1) throw new Error("no") })`
    writeFileSync(join(folder, "two.test.mjs"), `${steady}\n${flaky}\n`)
    writeFileSync(join(folder, "vitest.config.mjs"), "export default {}\n")
    const options = [
      "--root",
      folder,
      "--globals",
      "--retry",
      "1",
      "--reporter",
      join(root, "scripts/totals-reporter.ts"),
    ]
    const args = [join(root, "node_modules/vitest/vitest.mjs"), "run", ...options]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" })
    expect([status, stderr]).toEqual([0, ""])
    expect(stdout.split("\n").map((line) => line.trim())).toEqual(
      expect.arrayContaining([
        "!! FLAKY: 1 tests failed at first, and passed at their second try.",
        "!!   two.test.mjs: is flaky",
        "2 passed, 0 failed, 0 skipped",
      ]),
    )
  })
})

it("no test is skipped without a reason, left for later, or run alone", () => {
  const silent = /\b(?:it|test|describe)\.(?:skip|only|todo|skipIf|runIf)\b|\bcontext\.skip\(\s*\)/
  const files = ["packages", "apps", "examples", "scripts", "bench"].flatMap((folder) => testFiles(join(root, folder)))
  expect(files.length).toBeGreaterThan(100)
  expect(files.filter((path) => silent.test(readFileSync(path, "utf8")))).toEqual([])
})

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : testFiles(path)
    return /\.test\.(ts|mjs)$/.test(entry.name) ? [path] : []
  })
}
