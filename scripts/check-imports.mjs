#!/usr/bin/env node
// Packages may import only what stands before them: format ← core ← wasm ← runtime-* ← apps. And no file imports in a
// circle. Exits 1 naming every import that breaks a rule.
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"

const root = resolve(new URL("..", import.meta.url).pathname)
const order = ["format", "core", "wasm", "webgpu", "tiny", "runtime-node", "runtime-web", "cli", "playground"]
const free = new Set(["tiny"]) // data and drawings: imports none of us

const files = ["packages", "apps"].flatMap((area) =>
  readdirSync(join(root, area)).flatMap((name) =>
    sources(join(root, area, name, "src")).map((path) => ({ name, path })),
  ),
)
const problems = []
const graph = new Map()
for (const { name, path } of files) {
  const local = []
  for (const [, target] of readFileSync(path, "utf8").matchAll(
    /^(?:import(?! type)|export)\b[^"']*?from "([^"]+)"/gm,
  )) {
    if (target.startsWith(".")) local.push(resolve(dirname(path), target))
    const other = /^@lllite\/([a-z-]+)/.exec(target)?.[1]
    if (other === undefined || other === name) continue
    if (free.has(name) || order.indexOf(other) > order.indexOf(name)) {
      problems.push(`${relative(root, path)} imports @lllite/${other}: ${name} stands before it`)
    }
  }
  graph.set(path, local)
}

const done = new Set()
for (const start of graph.keys()) visit(start, [])
for (const problem of problems) console.error(problem)
console.log(`${files.length} files, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0

function visit(path, above) {
  const at = above.indexOf(path)
  if (at >= 0) {
    problems.push(`a circle: ${[...above.slice(at), path].map((file) => relative(root, file)).join(" → ")}`)
    return
  }
  if (done.has(path)) return
  for (const target of graph.get(path) ?? []) visit(target, [...above, path])
  done.add(path)
}

function sources(folder) {
  try {
    return readdirSync(folder, { recursive: true })
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}
