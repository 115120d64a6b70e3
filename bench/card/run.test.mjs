import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { isRunning } from "./processes.mjs"

const run = fileURLToPath(new URL("run.mjs", import.meta.url))

describe("a check of a card", () => {
  let folder
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-card-"))
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** Runs sections; gives the exit code, what was printed, and the rows of the results. */
  async function check(...args) {
    const results = join(folder, "results.jsonl")
    const ended = await new Promise((resolve) => {
      execFile(process.execPath, [run, ...args, "--results", results], (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      )
    })
    const rows = await readFile(results, "utf8").catch(() => "")
    return { ...ended, rows: rows.split("\n").filter(Boolean).map(JSON.parse) }
  }

  it("ends a section at its limit, with what it started, and fails", async () => {
    const { code, stdout, rows } = await check("hang", "--limit", "hang=3")
    expect(code).toBe(1)
    expect(rows).toEqual([
      { section: "hang", pid: expect.any(Number) },
      { section: "hang", status: "timed out", seconds: expect.any(Number), reason: "stopped at 3 s" },
    ])
    expect(rows[1].seconds).toBeLessThan(20)
    expect(await isRunning(rows[0].pid)).toBe(false)
    expect(stdout).toMatch(/^hang +timed out +\d+\.\d s {2}stopped at 3 s$/m)
  })

  it("leaves out the sections that the budget has no time for", async () => {
    const { code, rows } = await check("hang", "driver", "--budget", "3")
    expect(code).toBe(1)
    expect(rows.at(-1)).toEqual({ section: "driver", status: "skipped", reason: "no time left" })
  })

  it("refuses a section or a limit that it does not know, before anything runs", async () => {
    for (const args of [["no-such"], ["driver", "--limit", "no-such=3"], ["driver", "--limit", "driver"]]) {
      const { code, stderr, rows } = await check(...args)
      expect(code).toBe(1)
      expect(stderr).toMatch(/no section no-such: expected driver|expected NAME=SECONDS/)
      expect(rows).toEqual([])
    }
  })
})
