#!/usr/bin/env node
// Writes the exports of each package into docs/api, one file for each package: npm run api. So a review shows every
// change of a name or a type. It reads the built declarations, so run it after a build.
//   node scripts/api.mjs [--check]
// `--check` writes nothing and exits 1 where a file is stale.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import ts from "typescript"

const root = fileURLToPath(new URL("..", import.meta.url))
export const apiFolder = join(root, "docs/api")

/** Entries that are for this repository alone. */
const INTERNAL = ["@lllite/core/reference"]

/**
 * The report of every package in a folder.
 *
 * @param {string} packages folder with a folder for each package
 * @returns {Map<string, string>} text by package, such as "core"
 * @throws {Error} if a package is not built
 */
export function apiReports(packages) {
  const reports = new Map()
  for (const folder of readdirSync(packages).sort()) {
    const manifest = join(packages, folder, "package.json")
    if (existsSync(manifest))
      reports.set(folder, report(join(packages, folder), JSON.parse(readFileSync(manifest, "utf8"))))
  }
  return reports
}

function report(folder, { name, exports }) {
  const entries = Object.entries(exports)
    .map(([entry, target]) => ({ entry: `${name}${entry.slice(1)}`, types: (target.import ?? target).types }))
    .filter(({ entry, types }) => types !== undefined && !INTERNAL.includes(entry))
    .map(({ entry, types }) => ({ entry, file: join(folder, types) }))
  for (const { file } of entries) if (!existsSync(file)) throw new Error(`no file "${file}". Run: npm run build`)
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    {
      noEmit: true,
      skipLibCheck: true,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
    },
  )
  const checker = program.getTypeChecker()
  const isOurs = (node) => node.getSourceFile().fileName.startsWith(join(folder, "dist").replaceAll("\\", "/"))
  const seen = new Set()
  const sections = []
  const waiting = []
  const follow = (node) => {
    if (ts.isIdentifier(node)) {
      const symbol = resolved(checker, checker.getSymbolAtLocation(node))
      if (symbol?.declarations?.some((declaration) => isOurs(declaration) && isTopLevel(declaration)))
        waiting.push(symbol)
    }
    ts.forEachChild(node, follow)
  }
  const print = (symbol, name) => {
    const declarations = (symbol.declarations ?? []).filter(isOurs)
    for (const declaration of declarations) follow(declaration)
    return declarations.map((declaration) => printed(statementOf(declaration), symbol.name, name)).join("\n")
  }
  for (const { entry, file } of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file))
    const lines = checker
      .getExportsOfModule(module)
      .map((symbol) => ({ name: symbol.name, symbol: resolved(checker, symbol) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, symbol }) => {
        if (seen.has(symbol)) return `export { ${name} } // as above`
        seen.add(symbol)
        return print(symbol, name)
      })
    sections.push(`## ${entry}\n\n\`\`\`ts\n${lines.join("\n")}\n\`\`\`\n`)
  }
  const inner = new Map()
  while (waiting.length > 0) {
    const symbol = waiting.pop()
    if (seen.has(symbol)) continue
    seen.add(symbol)
    inner.set(print(symbol, plainName(symbol.name)), plainName(symbol.name))
  }
  if (inner.size > 0) {
    const texts = [...inner].sort(([a, nameA], [b, nameB]) => (`${nameA} ${a}` < `${nameB} ${b}` ? -1 : 1))
    const lines = texts.map(([text]) => text)
    sections.push(`## Types that these refer to\n\nThey have no export.\n\n\`\`\`ts\n${lines.join("\n")}\n\`\`\`\n`)
  }
  return `# ${name}\n\nWhat the package exports. Made by \`npm run api\`; do not edit.\n\n${sections.join("\n")}`
}

function resolved(checker, symbol) {
  return symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

function isTopLevel(declaration) {
  const statement = statementOf(declaration)
  return ts.isSourceFile(statement.parent) && (statement === declaration || ts.isVariableStatement(statement))
}

/** The whole statement of a variable, whose declaration is a part of it. */
function statementOf(declaration) {
  return ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
}

const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed })

/** A declaration without comments, under the name by which it is exported. */
function printed(node, localName, name) {
  const text = printer
    .printNode(ts.EmitHint.Unspecified, node, node.getSourceFile())
    .replace(/^(export )?(declare )?/, "")
  // The bundler numbers names that are there twice.
  const numbered = text.replaceAll(/\b(\w+)\$\d+\b/g, "$1")
  return localName === name ? numbered : numbered.replace(new RegExp(`\\b${plainName(localName)}\\b`), name)
}

function plainName(name) {
  return name.replace(/\$\d+$/, "")
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const isCheck = process.argv.includes("--check")
  if (!isCheck) mkdirSync(apiFolder, { recursive: true })
  for (const [name, text] of apiReports(join(root, "packages"))) {
    const path = join(apiFolder, `${name}.md`)
    if (!isCheck) writeFileSync(path, text)
    else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
      console.error(`docs/api/${name}.md is stale. Run: npm run api`)
      process.exitCode = 1
    }
  }
}
