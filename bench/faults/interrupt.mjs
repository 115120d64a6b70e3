// Interrupts every command at random moments, and counts how it ended and what it left. Needs a build.
//   node bench/faults/interrupt.mjs [--moments 100] [--only NAME]... [--seed 1] [--each] [--list]
// --only can be given several times. --list prints the names and ends. --each prints the counts after each moment.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { openSafetensors } from "../../packages/format/dist/index.js"
import { readImage } from "../../packages/runtime-node/dist/index.js"
import { commands, makeInputs } from "./interrupt-commands.mjs"
import { startJobsPlace, startSlowServer } from "./interrupt-servers.mjs"

const { values } = parseArgs({
  options: {
    moments: { type: "string", default: "100" },
    only: { type: "string", multiple: true, default: [] },
    seed: { type: "string", default: "1" },
    each: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
})
const main = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url))
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
let state = Number(values.seed)
const random = () => {
  state = (state * 48271) % 2147483647
  return state / 2147483647
}

const folder = await mkdtemp(join(tmpdir(), "lllite-interrupt-"))
const work = join(folder, "work")
const slow = await startSlowServer()
let place = null
try {
  const chosen = chosenCommands()
  if (values.list) console.log(chosen.map(([name]) => name).join("\n"))
  else await makeInputs(folder, random)
  const rows = []
  for (const [name, command] of values.list ? [] : chosen) {
    const row = await interruptOften(name, command)
    rows.push(row)
    console.log(JSON.stringify(row))
  }
  if (!values.list) console.log(table(rows))
  if (rows.some((row) => row.wrongCode + row.temporary + row.corrupt + row.lost + row.unexpected + row.left > 0)) {
    process.exitCode = 1
  }
} finally {
  slow.close()
  await (await place)?.close()
  await rm(folder, { recursive: true, force: true })
}

/** Redis and a server of jobs, started at the first call. */
function jobsPlace() {
  place ??= freePort().then((port) => startJobsPlace(folder, port))
  return place
}

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The commands to interrupt. A name that none has is an error. */
function chosenCommands() {
  const all = Object.entries(commands({ folder, work, slow, jobsPlace }))
  const names = all.map(([name]) => name)
  const unknown = values.only.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`--only: no command is "${unknown[0]}". There are: ${names.join("; ")}`)
  return values.only.length === 0 ? all : all.filter(([name]) => values.only.includes(name))
}

async function interruptOften(name, command) {
  const { lasts, stopCode } = command
  const moments = Number(values.moments)
  const whole = lasts === undefined ? await once(command, null) : { seconds: lasts }
  const row = { name, seconds: whole.seconds, moments, finished: 0, stopped: 0, saved: 0 }
  Object.assign(row, { wrongCode: 0, temporary: 0, corrupt: 0, lost: 0, unexpected: 0, left: 0, longest: 0 })
  for (let i = 0; i < moments; i++) {
    const signal = ["SIGINT", "SIGTERM", "SIGHUP"][i % 3]
    const run = await once(command, { signal, after: 60 + random() * whole.seconds * 1000 })
    const { code, endedBy, taken, files, text } = run
    const isStopped = run.sent && (code === (stopCode ?? CODES[signal]) || endedBy === signal)
    if (isStopped) row.stopped++
    else if (code === (command.endCode ?? 0)) row.finished++
    else {
      row.wrongCode++
      console.error(name, signal, code, endedBy, text)
    }
    if (files.some((path) => path.includes("lllite-tmp") || path.includes(".new-"))) row.temporary++
    if (/unexpected error|\n {4}at /.test(text)) {
      row.unexpected++
      console.error(name, text)
    }
    row.corrupt += await corruptFiles(files)
    const announced = [...run.output.matchAll(/"path":"([^"]+)"/g)].map(([, path]) => path)
    row.saved += announced.length
    row.lost += announced.filter((path) => !existsSync(resolve(work, path))).length
    row.left += run.left
    row.longest = Math.max(row.longest, taken)
    if (values.each) console.log(JSON.stringify({ ...row, moments: i + 1 }))
  }
  if (command.after !== undefined) {
    const { jobs, lost } = await command.after()
    Object.assign(row, { jobs, lost: row.lost + lost })
  }
  return row
}

/** One run, interrupted or whole. */
async function once({ args, environment = {}, prepare, whenListening, keep }, interruption) {
  const before = await filesOf(work).catch(() => [])
  if (!keep?.(before)) await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  await prepare?.()
  const given = typeof args === "function" ? await args() : args
  const mark = `lllite-${process.pid}-${Date.now()}`
  const child = spawn(process.execPath, [main, ...given], {
    cwd: work,
    env: { ...process.env, ...environment, LLLITE_MARK: mark },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let text = ""
  let output = ""
  child.stderr.on("data", (chunk) => (text += chunk))
  let isListening = false
  child.stdout.on("data", (chunk) => {
    output += chunk
    const [, url] = /"event":"listening".*?"url":"([^"]+)"/.exec(output) ?? []
    if (isListening || whenListening === undefined || url === undefined) return
    isListening = true
    void whenListening(url)
  })
  const start = performance.now()
  let sentAt = null
  const timer =
    interruption === null
      ? undefined
      : setTimeout(() => {
          sentAt = performance.now()
          child.kill(interruption.signal)
        }, interruption.after)
  // What does not end by itself within a minute counts as one minute.
  const limit = setTimeout(() => child.kill("SIGKILL"), interruption === null ? 60_000 : 120_000)
  const [code, endedBy] = await new Promise((resolve) => child.once("exit", (...ended) => resolve(ended)))
  clearTimeout(timer)
  clearTimeout(limit)
  const end = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 20))
  return {
    ...{ code, endedBy, text, output },
    seconds: (end - start) / 1000,
    sent: sentAt !== null,
    taken: sentAt === null ? 0 : (end - sentAt) / 1000,
    files: await filesOf(work),
    left: await programsLeft(mark),
  }
}

async function filesOf(path) {
  return (await readdir(path, { recursive: true })).map((name) => join(path, name))
}

/** Programs that the command has started and that still run. */
async function programsLeft(mark) {
  if (process.platform !== "linux") return 0
  let count = 0
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "")
    if (environment.includes(`LLLITE_MARK=${mark}`)) count++
  }
  return count
}

async function corruptFiles(paths) {
  let corrupt = 0
  for (const path of paths) {
    try {
      if (path.endsWith(".safetensors")) await openSafetensors(new Blob([await readFile(path)]))
      if (path.endsWith(".png")) await readImage(path)
      // An archive ends with its directory.
      if (path.endsWith(".npz") && (await readFile(path)).at(-22) !== 0x50) throw new Error("cut")
      if (path.endsWith(".json")) JSON.parse(await readFile(path, "utf8"))
    } catch {
      corrupt++
    }
  }
  return corrupt
}

function table(rows) {
  const head =
    "| command | whole run | moments | stopped | finished before | wrong exit code | temporary files | corrupt files | announced files lost | stack traces | programs left | longest stop |"
  const line = (row) =>
    `| ${row.name} | ${row.seconds.toFixed(1)} s | ${row.moments} | ${row.stopped} | ${row.finished} | ${row.wrongCode} | ${row.temporary} | ${row.corrupt} | ${row.lost} | ${row.unexpected} | ${row.left} | ${row.longest.toFixed(2)} s |`
  return [head, `|${" --- |".repeat(12)}`, ...rows.map(line)].join("\n")
}
