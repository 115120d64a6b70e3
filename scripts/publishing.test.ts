import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { workspaceFiles } from "./workspace-files.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

interface Manifest {
  readonly private?: boolean
  readonly name: string
  readonly homepage?: string
  readonly bugs?: string
  readonly keywords?: readonly string[]
  readonly repository?: { readonly url: string; readonly directory: string }
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
}

const published = workspaceFiles(/^(packages|apps)\/[^/]+\/package\.json$/)
  .map((path) => ({
    folder: path.replace("/package.json", ""),
    manifest: JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest,
  }))
  .filter(({ manifest }) => manifest.private !== true)

describe("every published package", () => {
  it.each(published)("$folder says where it comes from, and what it is about", ({ folder, manifest }) => {
    const home = published[0]?.manifest.repository?.url.replace(/^git\+|\.git$/g, "")
    expect(manifest.repository).toEqual({ type: "git", url: `git+${home}.git`, directory: folder })
    expect(manifest.bugs).toBe(`${home}/issues`)
    expect(manifest.homepage).toBe(`${home}/tree/main/${folder}#readme`)
    expect(manifest.keywords?.length).toBeGreaterThan(3)
  })

  it.each(published)(
    "$folder does not bring all of TensorFlow.js, whose core-js has an install script",
    ({ manifest }) => {
      expect(Object.keys(manifest.dependencies ?? {})).not.toContain("@tensorflow/tfjs")
    },
  )

  it.each(published)("$folder is published by pnpm alone, and only from its repository", ({ folder, manifest }) => {
    expect(manifest.scripts.prepublishOnly).toBe("node ../../scripts/before-publish.mjs")
    if (folder !== "packages/format") return
    const attempt = (agent: string): string => {
      const env = { ...process.env, npm_config_user_agent: agent }
      const script = join(root, "scripts/before-publish.mjs")
      const { status, stderr } = spawnSync(process.execPath, [script], {
        cwd: join(root, folder),
        env,
        encoding: "utf8",
      })
      return `${status} ${stderr}`
    }
    for (const agent of ["npm/11.0.0 node/v24", "yarn/1.22.22", ""])
      expect(attempt(agent)).toMatch(/^1 .*Type: pnpm publish/)
    // This checkout may have another origin, or none. The refusal then names both addresses.
    expect(attempt("pnpm/12.21.0")).toMatch(/^(0 |1 .*names https:\/\/.* as its repository, and origin is )/)
  })
})
