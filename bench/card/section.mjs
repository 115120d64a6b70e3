#!/usr/bin/env node
// Runs one section in this process, and writes its rows:
//   node bench/card/section.mjs NAME [--quick]
// run.mjs and run.py start it, each section in a separate process. Rows are added to the file LLLITE_CARD_RESULTS. Exits 1 when the section fails.
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { env } from "node:process"
import { parseArgs } from "node:util"
import { createGpu, open, start } from "./gpu.mjs"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false } },
})
const { quick } = values
const [name = ""] = positionals
const results = env.LLLITE_CARD_RESULTS
/** The commit and the versions of the bundle. Null in a checkout. */
const built = readIfThere(new URL("./built.json", import.meta.url))

/** Adds a row to the results as one line of JSON, at once: a section may be stopped at any moment. */
function write(row) {
  const line = JSON.stringify({ section: name, ...row }, (_, value) =>
    // JSON has no NaN and no infinity. As null, such an error would look like a missing value.
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  )
  if (results !== undefined) appendFileSync(results, `${line}\n`)
  console.log(line)
}

try {
  if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`"${name}" is not the name of a section`)
  const { run } = await import(`./sections/${name}.mjs`)
  await run({
    quick,
    built,
    write,
    createGpu,
    open: (toggles, features) => open({ toggles, features, software: quick }),
    start: (toggles, options) => start({ toggles, software: quick, ...options }),
  })
} catch (error) {
  write({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exitCode = 1
}
// Dawn keeps the process alive.
process.exit()

function readIfThere(url) {
  return existsSync(url) ? JSON.parse(readFileSync(url, "utf8")) : null
}
