import { execFileSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { needs } from "../../../format/test/needs.ts"
import { openFolder } from "./make-folder.ts"

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-folder-"))
})
afterEach(() => rm(folder, { recursive: true }))

it("names what stands in the place of a folder", needs("named pipes", process.platform !== "win32"), async () => {
  await writeFile(join(folder, "file"), "")
  execFileSync("mkfifo", [join(folder, "pipe")])
  await expect(openFolder(join(folder, "file"))).rejects.toThrow("it is a file, expected a folder")
  await expect(openFolder(join(folder, "pipe"))).rejects.toThrow("it is a named pipe, expected a folder")
  await expect(openFolder("/dev/null")).rejects.toThrow("it is a device, expected a folder")
})
