#!/usr/bin/env node
// Checks a graphics card from a checkout, after a build:
//   node bench/card/run.mjs [section …] [--quick] [--results results.jsonl] [--budget SECONDS] [--limit NAME=SECONDS]
// Sections run one after another, each in a separate process. The process ends at the section's limit. Rows are added
// to the results as they come. --quick uses small sizes, and accepts a driver in software. Exits 1 when a section failed.
import { spawn } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { appendRow, readRows } from "./rows.mjs"

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const { sections: known, budget } = JSON.parse(readFileSync(here("sections.json"), "utf8"))
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    results: { type: "string", default: "results.jsonl" },
    budget: { type: "string", default: String(budget) },
    limit: { type: "string", multiple: true, default: [] },
  },
})
const results = resolve(options.results)
const limits = new Map(known.map(({ name, limit }) => [name, limit]))
for (const text of options.limit) {
  const [, name, seconds] = /^([a-z0-9-]+)=(\d+(?:\.\d+)?)$/.exec(text) ?? []
  if (!limits.has(name)) throw new Error(`--limit ${text}: expected NAME=SECONDS with one of ${[...limits.keys()]}`)
  limits.set(name, Number(seconds))
}
const unknown = positionals.filter((name) => !limits.has(name))
if (unknown.length > 0) throw new Error(`no section ${unknown.join(", ")}: expected ${[...limits.keys()].join(", ")}`)
const wanted = positionals.length > 0 ? positionals : known.filter(({ hidden }) => !hidden).map(({ name }) => name)

const begun = performance.now()
const done = []
for (const name of wanted) {
  const left = Number(options.budget) - (performance.now() - begun) / 1000
  const outcome = left < 1 ? { status: "skipped", reason: "no time left" } : await runSection(name, left)
  const row = { section: name, ...outcome }
  appendRow(results, row)
  console.log(JSON.stringify(row))
  done.push(row)
}
console.log("")
for (const { section, status, seconds, reason = "" } of done) {
  const took = seconds === undefined ? "" : `${seconds.toFixed(1)} s`
  console.log(`${section.padEnd(14)} ${status.padEnd(10)} ${took.padStart(8)}  ${reason}`.trimEnd())
}
process.exitCode = done.some(({ status }) => status === "failed" || status === "timed out") ? 1 : 0

/** Runs a section to its end or its limit. */
async function runSection(name, left) {
  const limit = Math.min(limits.get(name), left)
  const from = sizeOf(results)
  const since = performance.now()
  const child = spawn(process.execPath, [here("section.mjs"), name, ...(options.quick ? ["--quick"] : [])], {
    // A separate process group, so that its child processes end with it.
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, LLLITE_CARD_RESULTS: results },
  })
  const end = () => {
    try {
      process.kill(-child.pid, "SIGKILL")
    } catch {
      // It has ended already.
    }
  }
  const stop = () => {
    end()
    process.exit(130)
  }
  process.once("SIGINT", stop)
  process.once("SIGTERM", stop)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    end()
  }, 1000 * limit)
  const ended = await new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ code, signal }))
  })
  clearTimeout(timer)
  process.off("SIGINT", stop)
  process.off("SIGTERM", stop)
  end()
  const seconds = Number(((performance.now() - since) / 1000).toFixed(2))
  if (isLate) return { status: "timed out", seconds, reason: `stopped at ${Number(limit.toFixed(1))} s` }
  const rows = readRows(results, from)
  const skipped = rows.find((row) => row.skipped !== undefined)?.skipped
  if (ended.code !== 0) {
    const error = rows.find((row) => typeof row.error === "string")?.error.split("\n")[0]
    return { status: "failed", seconds, reason: error ?? ended.signal ?? `exit code ${ended.code}` }
  }
  return skipped === undefined ? { status: "ok", seconds } : { status: "skipped", seconds, reason: skipped }
}

function sizeOf(path) {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}
