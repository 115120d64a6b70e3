import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { checkImports } from "./check-imports.mjs"

/** Entries that the packages of the planted workspace export. */
const EXPORTS = {
  format: [".", "./edit"],
  core: [".", "./training", "./testing"],
  wasm: ["."],
  "runtime-node": ["."],
  "runtime-web": ["."],
  tiny: [".", "./tiny-sdxl.safetensors"],
} as const

describe("checkImports", () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "lllite-imports-"))
    for (const [name, entries] of Object.entries(EXPORTS)) {
      const exports = Object.fromEntries(entries.map((entry) => [entry, "./dist/index.js"]))
      plant({ [`packages/${name}/package.json`]: JSON.stringify({ exports }) })
    }
    plant({ "apps/cli/package.json": "{}", "apps/playground/package.json": "{}" })
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const plant = (files: Readonly<Record<string, string>>): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
  }
  const problemsOf = (files: Readonly<Record<string, string>>): readonly string[] => {
    plant(files)
    return checkImports(root).problems
  }

  it("finds nothing where every arrow points down", () => {
    const files = {
      "packages/format/src/index.ts": 'export { a } from "./a.ts"',
      "packages/format/src/a.ts": "export const a = 1",
      "packages/core/src/index.ts": 'import type { B } from "@lllite/format/edit"\nimport { a } from "@lllite/format"',
      "packages/runtime-node/src/index.ts": 'import "@lllite/core/training"\nimport "@lllite/wasm"',
      "apps/playground/src/app.tsx":
        'import url from "@lllite/tiny/tiny-sdxl.safetensors?url"\nimport { h } from "preact"',
      "apps/cli/src/version.ts": 'import manifest from "../package.json"',
    }
    expect(problemsOf(files)).toEqual([])
    expect(checkImports(root).files).toBe(6)
  })

  it.each([
    ["a value", 'import { a } from "@lllite/core"'],
    ["a type", 'import type { A } from "@lllite/core"'],
    ["an inline type", 'import { type A } from "@lllite/core"'],
    ["a re-export", 'export * from "@lllite/core"'],
    ["a re-export of types", 'export type { A } from "@lllite/core"'],
    ["an import over several lines", 'import {\n  a,\n} from "@lllite/core"'],
    ["an import for its effects", 'import "@lllite/core"'],
    ["an import at run time", 'export const load = () => import("@lllite/core")'],
    ["the type of an import", 'export type A = import("@lllite/core").A'],
    ["a further entry", 'import { a } from "@lllite/core/training"'],
  ])("refuses %s that points up", (_, text) => {
    expect(problemsOf({ "packages/format/src/index.ts": text })).toEqual([
      expect.stringMatching(
        /^packages\/format\/src\/index\.ts imports @lllite\/core.*: format may import: none of our packages$/,
      ),
    ])
  })

  it("reads files of TSX and JavaScript", () => {
    const text = 'import { a } from "@lllite/runtime-node"'
    const files = { "apps/playground/src/app.tsx": text, "packages/core/src/a.mjs": text }
    expect(problemsOf(files)).toHaveLength(2)
  })

  it("refuses packages of the same level, not only those above", () => {
    expect(problemsOf({ "packages/runtime-web/src/index.ts": 'import "@lllite/runtime-node"' })).toEqual([
      "packages/runtime-web/src/index.ts imports @lllite/runtime-node: runtime-web may import: format, core, wasm, webgpu",
    ])
  })

  it("reads no imports out of comments and texts", () => {
    const text = '// import "@lllite/core"\nexport const hint = `import { a } from "@lllite/core"`'
    expect(problemsOf({ "packages/format/src/index.ts": text })).toEqual([])
  })

  it("refuses entries and packages that do not exist", () => {
    const text = 'import "@lllite/format/edits"\nimport "@lllite/formats"'
    expect(problemsOf({ "packages/core/src/index.ts": text })).toEqual([
      "packages/core/src/index.ts imports @lllite/format/edits: the package does not export this entry",
      "packages/core/src/index.ts imports @lllite/formats: the package does not exist",
    ])
  })

  it("refuses another package's files by their paths, and a package's own name", () => {
    const files = {
      "packages/core/src/a.ts": 'import "../../format/src/index.ts"',
      "packages/core/src/b.ts": 'import "@lllite/core"',
      "packages/core/src/c.test.ts": 'import "../../format/src/index.ts"',
    }
    expect(problemsOf(files)).toEqual([
      expect.stringMatching(/^packages\/core\/src\/a\.ts .*another package's/),
      expect.stringMatching(/^packages\/core\/src\/b\.ts .*its own files by their paths/),
      expect.stringMatching(/^packages\/core\/src\/c\.test\.ts .*another package's/),
    ])
  })

  it("keeps tests out of what is published", () => {
    const files = {
      "packages/core/src/a.test.ts": "export const a = 1",
      "packages/core/test/b.ts": "export const b = 1",
      "packages/core/src/c.ts": 'import "./a.test.ts"\nimport "../test/b.ts"',
      "packages/wasm/src/index.ts": 'import "@lllite/core/testing"',
    }
    expect(problemsOf(files)).toEqual([
      "packages/core/src/c.ts imports ./a.test.ts: the file is for tests",
      "packages/core/src/c.ts imports ../test/b.ts: the file is for tests",
      "packages/wasm/src/index.ts imports @lllite/core/testing: the entry is for tests",
    ])
  })

  it("lets tests import every package, and another package's helpers of tests", () => {
    const files = {
      "packages/format/src/a.test.ts": 'import "@lllite/core"\nimport "@lllite/core/testing"',
      "packages/wasm/test/b.ts": 'import "../../core/test/help.ts"',
      "packages/core/test/help.ts": 'import "../src/index.ts"',
      "packages/core/src/index.ts": "export const a = 1",
    }
    expect(problemsOf(files)).toEqual([])
  })

  it("finds circles, those of types and of one file included", () => {
    const files = {
      "packages/core/src/a.ts": 'import type { B } from "./b.ts"',
      "packages/core/src/b.ts": 'export type { C } from "./c.ts"',
      "packages/core/src/c.ts": 'export const load = () => import("./a.ts")',
      "packages/format/src/self.ts": 'import { self } from "./self.ts"',
    }
    expect(problemsOf(files)).toEqual([
      "a circle: packages/core/src/a.ts → packages/core/src/b.ts → packages/core/src/c.ts → packages/core/src/a.ts",
      "a circle: packages/format/src/self.ts → packages/format/src/self.ts",
    ])
  })

  it("refuses a package without a row in the table", () => {
    expect(problemsOf({ "packages/new/package.json": "{}", "packages/new/src/index.ts": "" })).toEqual([
      expect.stringContaining("packages/new: the package has no row in ARROWS"),
    ])
  })

  it("finds nothing in this workspace", () => {
    expect(checkImports(fileURLToPath(new URL("..", import.meta.url))).problems).toEqual([])
  })
})
