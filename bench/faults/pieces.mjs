// A data set that `lllite work` makes in pieces, while workers and the command itself are killed at random moments. Compares
// its files with those of one process. Needs a build, and redis-server.
//   node bench/faults/pieces.mjs --pictures 60 --workers 3 --kills 30 --seed 1
import { spawn } from "node:child_process"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { writePng } from "../../packages/runtime-node/dist/index.js"

const { values } = parseArgs({
  options: {
    pictures: { type: "string", default: "60" },
    side: { type: "string", default: "256" },
    workers: { type: "string", default: "3" },
    kills: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
  },
})
const main = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url))
const folder = await mkdtemp(join(tmpdir(), "lllite-pieces-"))
const running = new Set()

/** Numbers from 0 to 1 that follow from a seed. */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
const random = randomOf(Number(values.seed))

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts a program. Its lines go to a function. */
function start(program, args, onLine = () => {}) {
  const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
  running.add(child)
  const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)))
  ended.then(() => running.delete(child))
  createInterface({ input: child.stdout }).on("line", onLine)
  return { child, ended }
}

/** How often each piece was begun. */
const begun = new Map()
let port = 0
const place = () => ["--redis", `redis://127.0.0.1:${port}`, "--store", "store"]
const work = () =>
  start(process.execPath, [main, "work", ...place(), "--jobs", "pieces"], (line) => {
    if (!line.startsWith('{"event":"taken"')) return
    const { job } = JSON.parse(line)
    begun.set(job, (begun.get(job) ?? 0) + 1)
  })
const make = (outdir, ...more) =>
  start(process.execPath, [
    main,
    ...["dataset", "make", "--from_pictures", "photos", "--prep", "canny", "--copy", "--outdir", outdir],
    ...more,
  ])

/** All files of a data set with their bytes. */
async function contents(name) {
  const root = join(folder, name)
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const read = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    return [path.slice(root.length), (await readFile(path)).toString("latin1").replaceAll(root, "")]
  })
  return new Map(await Promise.all(read))
}

try {
  const side = Number(values.side)
  for (let i = 0; i < Number(values.pictures); i++) {
    const data = new Uint8Array(3 * side * side).map(() => 256 * random())
    await writePng(join(folder, "photos", `${String(i).padStart(4, "0")}.png`), { width: side, height: side, data })
  }
  if ((await make("alone").ended) !== 0) throw new Error("one process did not make the data set")
  port = await freePort()
  start("redis-server", ["--port", String(port), "--save", "", "--appendonly", "yes", "--dir", folder])
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const workers = Array.from({ length: Number(values.workers) }, work)
  const counts = { worker: 0, command: 0 }
  let command = make("shared", ...place())
  let code = null
  const watch = (each) =>
    each.ended.then((end) => {
      if (each === command) code = end
    })
  watch(command)
  while (counts.worker + counts.command < Number(values.kills) && code === null) {
    await new Promise((resolve) => setTimeout(resolve, 10_000 * random()))
    if (code !== null) break
    if (random() < 0.1) {
      counts.command += 1
      const killed = command
      command = make("shared", ...place())
      killed.child.kill("SIGKILL")
      watch(command)
    } else {
      counts.worker += 1
      const at = Math.floor(random() * workers.length)
      workers[at].child.kill("SIGKILL")
      await workers[at].ended
      workers[at] = work()
    }
  }
  await command.ended
  const [expected, found] = [await contents("alone"), await contents("shared")]
  const names = new Set([...expected.keys(), ...found.keys()])
  const other = [...names].filter((name) => expected.get(name) !== found.get(name))
  console.log(
    JSON.stringify({
      ...counts,
      code,
      pieces: begun.size,
      again: [...begun.values()].filter((count) => count > 1).length,
      most: Math.max(...begun.values()),
      files: expected.size,
      other,
    }),
  )
} finally {
  for (const child of running) child.kill("SIGKILL")
  await Promise.all([...running].map((child) => new Promise((resolve) => child.once("exit", resolve))))
  await rm(folder, { recursive: true, force: true })
}
