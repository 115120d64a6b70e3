import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("..", import.meta.url))

/** What stands in a path for a name that the reader chooses. */
const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [/\/COMMAND\//, "/generate/"],
  [/\/NAME\.ts$/, "/index.ts"],
]

/** Paths that a document names. */
function pathsIn(text: string): readonly string[] {
  const code = [...text.matchAll(/`([^`\n]+)`/g)].map(([, words = ""]) => words)
  return code.filter(
    (words) => /^[\w@.-]+(\/[\w@.-]+)*\/?$/.test(words) && !words.startsWith("@") && looksLikePath(words),
  )
}

const looksLikePath = (words: string): boolean => words.includes("/") || /\.(ts|tsx|mjs|js|md|json|sh)$/.test(words)

/** Names of the document's whole paths that do not exist. A short one stands beside, or below, one that is named. */
function missingIn(document: string, text: string): readonly string[] {
  const whole = new Set<string>([dirname(document)])
  const missing: string[] = []
  for (const named of pathsIn(text)) {
    const path = PLACEHOLDERS.reduce((path, [pattern, example]) => path.replace(pattern, example), named)
    const place = [".", ...[...whole].reverse()]
      .map((folder) => join(folder, path))
      .find((at) => existsSync(join(root, at)))
    if (place === undefined) missing.push(named)
    else for (let at = place; at !== "."; at = dirname(at)) whole.add(at)
  }
  return missing
}

/** Links of a document to files, without what stands after `#`. */
function brokenLinks(document: string, text: string): readonly string[] {
  const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link = ""]) => link)
  return links.filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(root, dirname(document), link)))
}

describe.each(["ARCHITECTURE.md", "CONTRIBUTING.md", "SUPPORT.md", "docs/guides/recipes.md"])("%s", (document) => {
  const text = readFileSync(join(root, document), "utf8")

  it("names files and folders that there are", () => {
    expect(missingIn(document, text)).toEqual([])
  })

  it("links to files that there are", () => {
    expect(brokenLinks(document, text)).toEqual([])
  })
})

it("sees a file that is not there, alone or beside another, and a link to none", () => {
  const text =
    "Open `packages/core/src/index.ts`, then `names.ts`, then `no-such.ts` or `packages/none/`. [It](none.md)"
  expect(missingIn("README.md", text)).toEqual(["no-such.ts", "packages/none/"])
  expect(brokenLinks("README.md", text)).toEqual(["none.md"])
})
