#!/usr/bin/env node
// Rewrites imports of @lllite/core so that each name comes from the entry that exports it. For the days in which the
// entries are new: run it after a rebase, then `npm run format`. It can be run again and again.
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const root = fileURLToPath(new URL("..", import.meta.url))
const source = `${root}packages/core/src/`
const folders = readdirSync(source).filter((name) => ts.sys.fileExists(`${source}${name}/index.ts`))
const files = new Map([["", `${source}index.ts`], ...folders.map((name) => [name, `${source}${name}/index.ts`])])
const program = ts.createProgram([...files.values()], {
  allowImportingTsExtensions: true,
  noEmit: true,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  module: ts.ModuleKind.ESNext,
  types: [],
})
const checker = program.getTypeChecker()
const { exports } = JSON.parse(readFileSync(`${root}packages/core/package.json`, "utf8"))
const entryOf = new Map()
for (const [entry, file] of files) {
  if (entry !== "" && !(`./${entry}` in exports)) continue
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(file))
  for (const { name } of checker.getExportsOfModule(symbol)) if (!entryOf.has(name)) entryOf.set(name, entry)
}

/** How an entry is spelled in each of the three places that import core. */
const spellings = [
  { pattern: /^@lllite\/core(?:\/([a-z-]+))?$/, spell: (entry) => `@lllite/core${entry && `/${entry}`}` },
  {
    pattern: /^((?:\.\.?\/)+)packages\/core\/dist\/([a-z-]+)\.js$/,
    spell: (entry, up) => `${up}packages/core/dist/${entry || "index"}.js`,
  },
  {
    pattern: /^\.\.\/src\/(?:([a-z-]+)\/)?index\.ts$/,
    spell: (entry) => `../src/${entry && `${entry}/`}index.ts`,
    only: "packages/core/",
  },
]

const listed = execFileSync("git", ["ls-files", "*.ts", "*.tsx", "*.mjs", "*.md"], { cwd: root, encoding: "utf8" })
for (const path of listed.trim().split("\n")) {
  const text = readFileSync(`${root}${path}`, "utf8")
  const changed = text.replaceAll(
    /^(import|export)( type)? \{([^}]*)\} from "([^"]+)"/gm,
    (all, verb, type = "", names, from) => {
      const way = spellings.find(({ pattern, only = "" }) => pattern.test(from) && path.startsWith(only))
      if (way === undefined || from.includes("/testing") || from.includes("/reference")) return all
      const up = /^(?:\.\.?\/)+/.exec(from)?.[0]
      const byEntry = new Map()
      for (const name of names
        .split(",")
        .map((part) => part.trim())
        .filter(Boolean)) {
        const entry = entryOf.get(
          name
            .replace(/^type /, "")
            .split(" as ")[0]
            .trim(),
        )
        const target = entry === undefined ? from : way.spell(entry, up)
        byEntry.set(target, [...(byEntry.get(target) ?? []), name])
      }
      return [...byEntry].map(([target, list]) => `${verb}${type} { ${list.join(", ")} } from "${target}"`).join("\n")
    },
  )
  if (changed !== text) {
    writeFileSync(`${root}${path}`, changed)
    console.log(path)
  }
}
