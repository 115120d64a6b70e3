import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
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
