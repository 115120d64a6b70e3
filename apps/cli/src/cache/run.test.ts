import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { runHere } from "../../test/in-process.test-help.ts"

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-cache-"))
  vi.stubEnv("XDG_CACHE_HOME", folder)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

it("says that no file has a word, and refuses an empty one", async () => {
  const none = await runHere(["cache", "purge", "no\u0007such", "other"])
  expect(none.stdout).toContain("no address has no\\u0007such or other in it. Type: lllite cache list")
  const empty = await runHere(["cache", "purge", ""])
  expect(empty.code).toBe(1)
  expect(empty.stderr).toContain("a word is empty, expected a part of an address. To remove all files, give no word")
})

it("shows no password of an address that it does not find", async () => {
  const { stdout } = await runHere(["cache", "purge", "https://user:secret@example.org/x"])
  expect(stdout).toContain("no address has https://***@example.org/x in it")
})
