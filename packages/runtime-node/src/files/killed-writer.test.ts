import { execFile } from "node:child_process"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { killWriters } from "../../test/kill-writers.ts"

it("leaves no corrupt file, loses no acknowledged save and no litter when it is killed at any moment", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lllite-kill-"))
  try {
    const result = await killWriters(folder, 25)
    expect(result).toMatchObject({ kills: 25, corrupt: 0, lost: 0, litter: [] })
    // Without this, no writer was killed during a save, and the test would prove nothing.
    expect(result.abandoned + result.acknowledged).toBeGreaterThan(0)
  } finally {
    await rm(folder, { recursive: true })
  }
})

it("leaves no temporary file when the process exits inside of a save", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lllite-exit-"))
  try {
    const writer = fileURLToPath(new URL("../../test/exiting-writer.ts", import.meta.url))
    const output = await new Promise<string>((resolve) => {
      execFile(process.execPath, [writer, join(folder, "saved")], (error, stdout) => {
        resolve(`${stdout}exit code ${error?.code}`)
      })
    })
    expect(output).toBe("1 file\nexit code 3")
    expect(await readdir(folder)).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})
