import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { apiFolder, apiReports } from "./api.mjs"

describe("apiReports", () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lllite-api-"))
    mkdirSync(join(folder, "paint/dist"), { recursive: true })
    const exports = {
      ".": { import: { types: "./dist/index.d.ts" }, require: { types: "./dist/index.d.cts" } },
      "./brush": { types: "./dist/brush.d.ts" },
      "./colours.txt": "./colours.txt",
    }
    writeFileSync(join(folder, "paint/package.json"), JSON.stringify({ name: "@lllite/paint", exports }))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const reportOf = (index: string, brush = "export {}"): string | undefined => {
    writeFileSync(join(folder, "paint/dist/index.d.ts"), index)
    writeFileSync(join(folder, "paint/dist/brush.d.ts"), brush)
    return apiReports(folder).get("paint")
  }

  it("names every entry, and what it exports in order of names, without comments", () => {
    const text = reportOf(
      "/** Paints. */\ndeclare function paint(x: number): void\nexport declare const WIDTH = 3\nexport { paint }",
      "export type Brush = 'flat' | 'round'",
    )
    expect(text).toContain("## @lllite/paint\n\n```ts\nconst WIDTH = 3;\nfunction paint(x: number): void;\n```")
    expect(text).toContain("## @lllite/paint/brush\n\n```ts\ntype Brush = 'flat' | 'round';\n```")
    expect(text).not.toContain("Paints.")
    expect(text).not.toContain("colours")
  })

  it("changes with a name, a type, and a type without an export that another refers to", () => {
    const of = (name: string, type: string, inner: string): string | undefined =>
      reportOf(`interface Inner { ${inner}: number }\ndeclare function ${name}(x: ${type}): Inner\nexport { ${name} }`)
    const texts = [of("a", "number", "x"), of("b", "number", "x"), of("a", "string", "x"), of("a", "number", "y")]
    expect(new Set(texts).size).toBe(4)
    expect(texts[0]).toContain("## Types that these refer to")
  })

  it("writes names as they are exported, not the bundler's names", () => {
    const text = reportOf("declare const paint$1: number\nexport { paint$1 as paint }")
    expect(text).toContain("const paint: number;")
  })

  it("says to build where a package is not built", () => {
    expect(() => apiReports(folder)).toThrow(/npm run build/)
  })
})

describe("docs/api", () => {
  it("has what the packages export, as they are built (npm run api renews it)", () => {
    const reports = apiReports(fileURLToPath(new URL("../packages", import.meta.url)))
    const stale = [...reports].filter(([name, text]) => {
      const path = join(apiFolder, `${name}.md`)
      return !existsSync(path) || readFileSync(path, "utf8") !== text
    })
    expect(stale.map(([name]) => name)).toEqual([])
  })
})
