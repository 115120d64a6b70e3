import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { workspaceFiles } from "./workspace-files.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
/** Tables of ours name layouts of files by these, a list of tools one that it runs, and a command a folder: nothing is said of them. */
const ONLY_NAMED = ["ARCHITECTURE.md", "bench/README.md", "docs/guides/workers.md", "packages/runtime-web/README.md"]
const OTHERS = /sd-scripts|ComfyUI|A1111|AUTOMATIC1111|kohya_ss|\bdiffusers\b/
/** A version: a commit, a date, a number with two dots, or the list of all. */
const DATED = /others\.md|`[0-9a-f]{7,}`|commit [0-9a-f]{7,}|20\d\d-\d\d-\d\d/

describe("documents that name other programs", () => {
  const documents = workspaceFiles(
    /^([^/]+\.md|docs\/([^/]+|(guides|measurements)\/[^/]+)\.md|(packages|apps)\/[^/]+\/README\.md|reference\/[^/]+\.md|bench\/(.*\/)?README\.md)$/,
  )
    .filter((path) => path !== "CHANGELOG.md")
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))

  it("say of which version, or link the list of versions", () => {
    const undated = documents.filter(
      ({ path, text }) => OTHERS.test(text) && !DATED.test(text) && !ONLY_NAMED.includes(path),
    )
    expect(documents.length).toBeGreaterThan(20)
    expect(undated.map(({ path }) => path)).toEqual([])
  })
})
