#!/usr/bin/env node
// Checks the imports between files and packages, types included: `import`, `import type`, `export … from`, `import()` and `import("…")` in types.
// Exits 1 and names every import that breaks a rule:
//   1. A package imports only the packages that ARROWS lists for it, and only entries that they export.
//   2. A file of a package imports no file of another package by its path, and nothing that is for tests.
//   3. Tests, benchmarks and build files may import every package, and files in another package's `test` folder.
//   4. No file imports itself, directly or through others.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import ts from "typescript"

/** The packages that each package may import. All others are refused. */
const ARROWS = {
  format: [],
  tiny: [],
  core: ["format"],
  wasm: ["format", "core"],
  webgpu: ["format", "core"],
  "runtime-node": ["format", "core", "wasm", "webgpu", "tiny"],
  "runtime-web": ["format", "core", "wasm", "webgpu"],
  ranks: ["format", "core"],
  serve: ["format", "core", "runtime-node"],
  cli: ["format", "core", "runtime-node", "ranks", "serve", "tiny"],
  playground: ["format", "core", "runtime-web", "tiny"],
}

/** Entries that only tests, benchmarks and scripts may import. */
const TEST_ENTRIES = ["@lllite/core/testing", "@lllite/core/reference"]

/** Folders beside `src` whose files are not published. */
const TEST_FOLDERS = ["test", "bench", "make", "build", "reference", "testing"]

/** Files that import others. */
const SOURCE = /\.(ts|tsx|mjs)$/

const AREAS = ["packages", "apps"]

/**
 * Reads every TypeScript and JavaScript file of the workspace's packages.
 *
 * @param {string} root folder of the workspace
 * @returns {{ files: number, problems: string[] }} how many files were read, and one line for each broken rule
 */
export function checkImports(root) {
  const problems = []
  const graph = new Map()
  for (const area of AREAS) {
    for (const name of foldersIn(join(root, area))) {
      const folder = join(root, area, name)
      const allowed = ARROWS[name]
      if (allowed === undefined) problems.push(`${area}/${name}: the package has no row in ARROWS of check-imports.mjs`)
      for (const path of sourcesIn(folder)) {
        const from = { root, name, folder, path, isProduct: isProduct(folder, path), allowed: allowed ?? [] }
        const local = []
        for (const target of importsOf(path)) {
          if (target.startsWith(".")) local.push(resolve(dirname(path), target))
          const problem = target.startsWith(".") ? problemOfPath(from, target) : problemOfName(from, target)
          if (problem !== undefined) problems.push(`${relative(root, path)} imports ${target}: ${problem}`)
        }
        graph.set(path, local)
      }
    }
  }
  for (const circle of circlesOf(graph)) {
    problems.push(`a circle: ${circle.map((path) => relative(root, path)).join(" → ")}`)
  }
  return { files: graph.size, problems }
}

/** The rule that an import by a path breaks, or undefined. */
function problemOfPath({ root, folder, path, isProduct: ofProduct }, target) {
  const file = resolve(dirname(path), target)
  if (!relative(folder, file).startsWith("..")) {
    return ofProduct && SOURCE.test(file) && !isProduct(folder, file) ? "the file is for tests" : undefined
  }
  if (ofProduct) return "the file is another package's. Import the package by its name"
  const [area, , part] = relative(root, file).split(sep)
  if (AREAS.includes(area) && part === "src") return "the file is another package's. Import the package by its name"
  return undefined
}

/** The rule that an import by a name breaks, or undefined. Only our own packages have rules. */
function problemOfName({ root, name, isProduct: ofProduct, allowed }, target) {
  const [, other, entry] = /^@lllite\/([a-z-]+)(?:\/([^?]+))?/.exec(target) ?? []
  if (other === undefined) return undefined
  const manifest = AREAS.map((area) => join(root, area, other, "package.json")).find(existsSync)
  if (manifest === undefined) return "the package does not exist"
  const { exports = {} } = JSON.parse(readFileSync(manifest, "utf8"))
  if (!(entry === undefined ? "." in exports : `./${entry}` in exports)) return "the package does not export this entry"
  if (!ofProduct) return undefined
  if (other === name) return "a package imports its own files by their paths"
  if (TEST_ENTRIES.includes(target)) return "the entry is for tests"
  return allowed.includes(other) ? undefined : `${name} may import: ${allowed.join(", ") || "none of our packages"}`
}

/** Whether a file is part of the product, not of tests, benchmarks or the build. */
function isProduct(folder, path) {
  const [first, ...rest] = relative(folder, path).split(sep)
  return rest.length > 0 && !TEST_FOLDERS.includes(first) && !/\.(test|test-d|bench)\.[a-z]+$/.test(path)
}

/** The specifiers of a file's imports. Comments and other texts are not read. */
function importsOf(path) {
  const { importedFiles } = ts.preProcessFile(readFileSync(path, "utf8"), true, true)
  return new Set(importedFiles.map(({ fileName }) => fileName))
}

/** Every group of files that import each other. Each is shown as one circle. */
function circlesOf(graph) {
  const circles = []
  const done = new Set()
  const visit = (path, above) => {
    const at = above.indexOf(path)
    if (at >= 0) {
      circles.push([...above.slice(at), path])
      return
    }
    if (done.has(path)) return
    for (const target of graph.get(path) ?? []) visit(target, [...above, path])
    done.add(path)
  }
  for (const start of graph.keys()) visit(start, [])
  return circles
}

function foldersIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "package.json")))
    .map((entry) => entry.name)
}

function sourcesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : sourcesIn(path)
    return SOURCE.test(entry.name) ? [path] : []
  })
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { files, problems } = checkImports(fileURLToPath(new URL("..", import.meta.url)))
  for (const problem of problems) console.error(problem)
  console.log(`${files} files, ${problems.length} problems`)
  process.exitCode = problems.length > 0 ? 1 : 0
}
