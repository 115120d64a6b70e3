import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { needs } from "../../../../packages/format/test/needs.ts"
import { findPage } from "./page.ts"

async function folderWith(...files: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lllite-page-"))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const file of files) {
    await mkdir(join(folder, file, ".."), { recursive: true })
    await writeFile(join(folder, file), "<html>")
  }
  return folder
}

it("finds the page in a given folder, or in its folder static", async () => {
  const flat = await folderWith("index.html")
  expect(await findPage(flat, "no-such-python")).toBe(flat)
  const whole = await folderWith("static/index.html")
  expect(await findPage(whole, undefined)).toBe(join(whole, "static"))
})

it("refuses a given folder without a page, by its name", async () => {
  const folder = await folderWith("readme.txt")
  await expect(findPage(folder, undefined)).rejects.toThrow(
    `--front_end_root ${JSON.stringify(folder)} has no index.html`,
  )
})

const hasShell = needs("a system that runs scripts by their first line", process.platform !== "win32")

it("asks a given Python for the package, and refuses one that has none", hasShell, async () => {
  const folder = await folderWith("package/static/index.html")
  const python = async (name: string, prints: string): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, `#!/bin/sh\n${prints}\n`)
    await chmod(path, 0o755)
    return path
  }
  expect(await findPage(undefined, await python("with", `echo "${folder}/package"`))).toBe(`${folder}/package/static`)
  await expect(findPage(undefined, await python("without", "echo"))).rejects.toThrow(/has no comfyui-frontend-package/)
  await expect(findPage(undefined, await python("broken", "exit 1"))).rejects.toThrow(/cannot be run/)
  await expect(findPage(undefined, join(folder, "missing"))).rejects.toThrow(/cannot be run/)
})
