#!/usr/bin/env node
// Tests the folder of build.mjs as on a machine that has only Python. The folder is copied, the environment is empty, and
// the PATH has only python3. On a driver in software, every section must succeed, or name the reason for skipping. Every
// section must end at its limit. Run after `npm run card`; VK_ICD_FILENAMES names the driver.
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { env } from "node:process"
import { fileURLToPath } from "node:url"
import { isRunning } from "./processes.mjs"
import { readRows } from "./rows.mjs"

/** In software kernels compile for minutes where they are new to the driver. */
const SOFTWARE_SECONDS = 600

/** Not enough for any section: starting Node takes longer. */
const TOO_SHORT_SECONDS = 0.01

const card = fileURLToPath(new URL("../../card", import.meta.url))
if (!existsSync(card)) throw new Error(`no "${card}". Type: npm run card`)
const { sections } = JSON.parse(readFileSync(join(card, "sections.json"), "utf8"))
const names = sections.filter(({ hidden }) => !hidden).map(({ name }) => name)
const folder = mkdtempSync(join(tmpdir(), "lllite-card-"))
try {
  cpSync(card, join(folder, "card"), { recursive: true })
  mkdirSync(join(folder, "bin"))
  symlinkSync(pythonPath(), join(folder, "bin", "python3"))

  const whole = run("whole", [
    ...["--quick", "--budget", String(names.length * SOFTWARE_SECONDS)],
    ...names.flatMap((name) => ["--limit", `${name}=${SOFTWARE_SECONDS}`]),
  ])
  for (const name of names) {
    const { status, reason } = outcome(whole, name)
    expect(status === "ok" || (status === "skipped" && reason), `${name} ended as ${status}: ${reason}`)
  }
  expect(whole.code === 0, `the check ended with ${whole.code}, expected 0`)

  const limited = run("limited", ["--quick", ...names.flatMap((name) => ["--limit", `${name}=${TOO_SHORT_SECONDS}`])])
  for (const name of names) {
    const { status, seconds } = outcome(limited, name)
    expect(
      status === "timed out" && seconds < 5,
      `${name} with a limit of ${TOO_SHORT_SECONDS} s ended as ${status} in ${seconds} s`,
    )
  }
  expect(limited.code === 1, `the check ended with ${limited.code} after its limits, expected 1`)

  const hung = run("hung", ["hang", "--limit", "hang=2"])
  const started = hung.rows.find(({ pid }) => pid !== undefined)?.pid
  expect(outcome(hung, "hang").status === "timed out", "a section that never ends was not ended")
  expect(started !== undefined && !(await isRunning(started)), `what the section started, ${started}, was not ended`)

  const crashed = run("crashed", ["crash", "crash"])
  const ends = crashed.rows.filter(({ status, reason }) => status === "failed" && reason === "ended by SIGKILL")
  expect(ends.length === 2 && crashed.code === 1, `two crashes inside of a row gave ${JSON.stringify(crashed.rows)}`)
  if (process.exitCode === undefined) {
    console.log(`${names.length} sections ended well or said why not, and every one ended at its limit`)
  }
} finally {
  rmSync(folder, { recursive: true })
}

/** Runs the check; gives its exit code and rows. */
function run(what, args) {
  const results = join(folder, `${what}.jsonl`)
  const { VK_ICD_FILENAMES: driver, MESA_SHADER_CACHE_DIR: shaders, LP_NATIVE_VECTOR_WIDTH: bits } = env
  const environment = {
    PATH: join(folder, "bin"),
    HOME: homedir(),
    // Shaders that other tests compiled are not compiled again.
    MESA_SHADER_CACHE_DIR: shaders ?? join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mesa_shader_cache"),
    ...(driver === undefined ? {} : { VK_ICD_FILENAMES: driver }),
    ...(bits === undefined ? {} : { LP_NATIVE_VECTOR_WIDTH: bits }),
  }
  const { status, error } = spawnSync("python3", [join(folder, "card", "run.py"), ...args, "--results", results], {
    ...{ cwd: folder, env: environment, stdio: ["ignore", "inherit", "inherit"] },
  })
  if (error !== undefined) throw error
  return { code: status, rows: readRows(results) }
}

function outcome({ rows }, name) {
  return rows.find(({ section, status }) => section === name && status !== undefined) ?? { status: "missing" }
}

function expect(isMet, complaint) {
  if (isMet) return
  console.error(complaint)
  process.exitCode = 1
}

/** The interpreter itself: what is on the PATH may be a script that looks for others there. */
function pythonPath() {
  const { stdout, status } = spawnSync("python3", ["-c", "import os, sys; print(os.path.realpath(sys.executable))"], {
    encoding: "utf8",
  })
  if (status !== 0) throw new Error("there is no python3 to try the folder with")
  return stdout.trim()
}
