import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { describe, expect, it } from "vitest"
import { workspaceFiles } from "./workspace-files.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Classes without codes: the base of all, one with one cause, and those that never leave their package. */
const WITHOUT_CODES = [
  "A1111Error",
  "LlliteError",
  "BrokenConnection",
  "FieldsError",
  "InterruptedError",
  "NotFollowed",
  "LeftError",
  "MissingFileError",
  "NoFoldersError",
  "PageError",
]

/** Helpers of this package take the code and make the error. So its codes do not all stand beside the class. */
const BY_HELPERS = ["FormatError"]

const files = workspaceFiles(/^(packages|apps)\/[^/]+\/src\/.*\.tsx?$/)
  .filter((path) => !/\.test\.tsx?$/.test(path))
  .map((path) => {
    const text = readFileSync(join(root, path), "utf8")
    return { path, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) }
  })

const { classes, unions, thrown } = readSources()
const document = readDocument(readFileSync(join(root, "docs/errors.md"), "utf8"))

describe("docs/errors.md", () => {
  it("has a table for every error class with codes, and every error class has codes", () => {
    expect([...document.keys()].sort()).toEqual([...classes.keys()].sort())
    expect([...unions.keys()].sort()).toEqual([...classes.keys()].sort())
  })

  it.each([...unions])("lists the codes of %s in their order, and no others", (name, codes) => {
    expect(document.get(name)?.map(({ code }) => code)).toEqual(codes)
  })

  it.each([...document])("says what each code of %s means and what to do", (_, rows) => {
    const sentence = expect.stringMatching(/^[A-Z].*\.$/)
    for (const row of rows) expect(row).toEqual({ code: row.code, meaning: sentence, cure: sentence })
  })
})

describe("error codes", () => {
  it.each([...unions])("of %s are each thrown somewhere", (name, codes) => {
    expect(codes.filter((code) => !thrown.get(name)?.has(code))).toEqual([])
  })
})

/** The error classes with their packages, the unions of their codes, and the codes that stand where errors are made. */
function readSources(): {
  readonly classes: ReadonlyMap<string, string>
  readonly unions: ReadonlyMap<string, readonly string[]>
  readonly thrown: ReadonlyMap<string, ReadonlySet<string>>
} {
  const classes = new Map<string, string>()
  const unions = new Map<string, readonly string[]>()
  const thrown = new Map<string, Set<string>>()
  for (const { path, tree } of files) {
    visit(tree, (node) => {
      if (!ts.isClassDeclaration(node) || node.name === undefined || WITHOUT_CODES.includes(node.name.text)) return
      const [base] = node.heritageClauses?.flatMap(({ types }) => types) ?? []
      if (base !== undefined && /Error$/.test(base.expression.getText())) classes.set(node.name.text, dirname(path))
    })
  }
  for (const name of classes.keys()) thrown.set(name, new Set())
  for (const { path, tree } of files) {
    visit(tree, (node) => {
      if (ts.isTypeAliasDeclaration(node)) {
        const name = node.name.text.replace(/Code$/, "")
        if (name !== node.name.text && classes.has(name)) unions.set(name, literalsIn(node.type))
      } else if (ts.isNewExpression(node)) {
        const [code] = node.arguments ?? []
        if (code !== undefined) for (const text of literalsIn(code)) thrown.get(node.expression.getText())?.add(text)
      }
    })
    for (const name of BY_HELPERS) {
      const folder = classes.get(name)
      if (folder !== undefined && path.startsWith(folder)) {
        for (const text of literalsIn(tree)) thrown.get(name)?.add(text)
      }
    }
  }
  return { classes, unions, thrown }
}

/** The string literals in a node, in their order. Those in types are left out, if the node is not a type itself. */
function literalsIn(node: ts.Node): readonly string[] {
  const found: string[] = []
  const collect = (part: ts.Node): void => {
    if (ts.isStringLiteral(part)) found.push(part.text)
    if (part === node || !ts.isTypeNode(part) || ts.isTypeNode(node)) part.forEachChild(collect)
  }
  collect(node)
  return found
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  node.forEachChild((child) => visit(child, see))
}

interface Row {
  readonly code: string
  readonly meaning: string
  readonly cure: string
}

/** The rows of each table, by the heading before it. */
function readDocument(text: string): ReadonlyMap<string, readonly Row[]> {
  const sections = text.split(/^## /m).slice(1)
  return new Map(
    sections.map((section) => {
      const [name = ""] = section.split("\n")
      const rows = [...section.matchAll(/^\| `([^`]*)` *\| (.*?) *\| (.*?) *\|$/gm)]
      return [name, rows.map(([, code = "", meaning = "", cure = ""]) => ({ code, meaning, cure }))]
    }),
  )
}
