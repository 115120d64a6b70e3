import { execFile, spawnSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { needs } from "../../packages/format/test/needs.ts"
import { isRunning } from "./processes.mjs"
import { readRows } from "./rows.mjs"

const run = fileURLToPath(new URL("run.mjs", import.meta.url))
const hasPython = spawnSync("python3", ["-c", ""]).status === 0

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
    return { ...ended, rows: readRows(results) }
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

  it("reads the rows of a section that crashed inside of a row, and goes on", async () => {
    const { code, stdout, rows } = await check("crash", "crash")
    expect(code).toBe(1)
    const both = [
      { section: "crash", step: 1 },
      { section: "crash", status: "failed", seconds: expect.any(Number), reason: "SIGKILL" },
    ]
    expect(rows).toEqual([...both, ...both])
    expect(stdout).toMatch(/^crash +failed +\d+\.\d s {2}SIGKILL$/m)
  })

  it("reads and adds such rows in Python, too", needs("python3", hasPython), async () => {
    const results = join(folder, "results.jsonl")
    await writeFile(results, '{"step":1}\n12\n{"section":"crash","err')
    const script = [
      "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import run",
      "path = Path(sys.argv[2]); print(run.rows_of(path, 0)); run.add(path, {'status': 'failed'})",
    ].join("\n")
    const at = fileURLToPath(new URL(".", import.meta.url))
    const { stdout } = await promisify(execFile)("python3", ["-B", "-c", script, at, results])
    expect(stdout.split("\n")[0]).toBe("[{'step': 1}]")
    expect(readRows(results)).toEqual([{ step: 1 }, { status: "failed" }])
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
