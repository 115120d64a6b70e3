// Interrupts every command at random moments, and counts how it ended and what it left. Needs a build.
//   node bench/faults/interrupt.mjs [--moments 100] [--only NAME]... [--seed 1] [--each] [--list]
// --only can be given several times. --list prints the names and ends. --each prints the counts after each moment.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { createRecipe, writeWorkflow } from "../../packages/core/dist/recipe.js"
import { openSafetensors, SDXL_LAYOUT, siteTensorShapes } from "../../packages/format/dist/index.js"
import { enumerateSites } from "../../packages/format/dist/selections.js"
import { serializeLllite } from "../../packages/format/dist/write.js"
import { blankImage, readImage, writePng } from "../../packages/runtime-node/dist/index.js"

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
const tiny = fileURLToPath(new URL("../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
let state = Number(values.seed)
const random = () => {
  state = (state * 48271) % 2147483647
  return state / 2147483647
}

const folder = await mkdtemp(join(tmpdir(), "lllite-interrupt-"))
const work = join(folder, "work")
const server = await trickling()
try {
  const chosen = chosenCommands()
  if (values.list) console.log(chosen.map(([name]) => name).join("\n"))
  else await makeInputs()
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
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
}

/** The commands to interrupt. A name that none has is an error. */
function chosenCommands() {
  const all = Object.entries(commands())
  const names = all.map(([name]) => name)
  const unknown = values.only.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`--only: no command is "${unknown[0]}". There are: ${names.join("; ")}`)
  return values.only.length === 0 ? all : all.filter(([name]) => values.only.includes(name))
}

function commands() {
  const generate = ["generate", "--ckpt", "tiny", "--prompt", "a red star", "--W", "128", "--H", "128", "--steps", "6"]
  const drawing = [...generate, "--images_per_prompt", "6", "--outdir", "out"]
  const steered = [...drawing, "--control_net_lllite_models", tiny, "--guide_image_path", "../control.png"]
  const pairs = ["--train_data_dir", "../pairs/images", "--conditioning_data_dir", "../pairs/controls"]
  const training = ["train", "--pretrained_model_name_or_path", "tiny", ...pairs, "--resolution", "64"]
  const saving = ["--max_train_steps", "12", "--save_every_n_steps", "3", "--output_dir", "out", "--output_name", "x"]
  const sizes = ["--network_dim", "8", "--cond_emb_dim", "8", "--train_batch_size", "2"]
  const train = [...training, ...sizes, ...saving]
  const lavapipe = join(homedir(), ".cache/lllite/lavapipe/lvp_icd.json")
  const on = (backend) => ["--backend", backend]
  const downloads = { XDG_CACHE_HOME: join(work, "cache") }
  const software = { VK_ICD_FILENAMES: lavapipe, LD_LIBRARY_PATH: join(homedir(), ".cache/lllite/lavapipe/lib") }
  return {
    "generate on wasm": { args: [...steered, ...on("wasm")] },
    "generate of a workflow": {
      args: ["generate", "--workflow", "../workflow.json", "--ckpt", "tiny", "--outdir", "out", ...on("wasm")],
    },
    "train on wasm": { args: [...train, ...on("wasm")] },
    ...(existsSync(join(homedir(), ".cache/lllite/tensorflow"))
      ? {
          "generate on tensorflow": { args: [...steered, ...on("tensorflow")] },
          "train on tensorflow": { args: [...train, ...on("tensorflow")] },
        }
      : {}),
    ...(existsSync(lavapipe)
      ? {
          "generate on webgpu": { args: [...steered, ...on("webgpu")], environment: software },
          "train on webgpu": { args: [...train, ...on("webgpu")], environment: software },
        }
      : {}),
    demo: { args: ["demo", "--steps", "10", "--out", "out"] },
    grid: { args: ["grid", ...generate.slice(1), "--x", "scale=1,3,7", "--y", "seed=1,2", "--outdir", "out"] },
    preprocess: { args: ["preprocess", "scribble_xdog", "../photos", "out"] },
    "dataset check": { args: ["dataset", "check", ...pairs, "--resolution", "64", "--sheet", "sheet.png"] },
    "dataset make of pictures": {
      args: ["dataset", "make", "--from_pictures", "../photos", "--copy", "--prep", "canny", "--outdir", "out"],
    },
    "dataset make of prompts": {
      args: [
        "dataset",
        "make",
        ...generate.slice(1, 3),
        "--prompts",
        "../prompts.txt",
        "--W",
        "128",
        "--steps",
        "3",
      ].concat([...["--count", "6", "--prep", "canny", "--outdir", "out"]]),
    },
    "train --plan": { args: [...train, "--plan"] },
    inspect: { args: ["inspect", "--health", "../large.safetensors"] },
    "inspect of an address": { args: ["inspect", `${server.origin}/x.safetensors`] },
    doctor: { args: ["doctor"] },
    hash: { args: ["hash", "../large.safetensors"] },
    diff: { args: ["diff", "--outputs", "../large.safetensors", "../large.safetensors"] },
    convert: { args: ["convert", "../large.safetensors", "--dtype", "f16", "--output", "out.safetensors"] },
    edit: { args: ["edit", "../large.safetensors", "--set", "a=b", "--output", "out.safetensors"] },
    merge: { args: ["merge", "../large.safetensors", "../large.safetensors", "--output", "out.safetensors"] },
    prune: { args: ["prune", "../large.safetensors", "--weakest", "3", "--output", "out.safetensors"] },
    resize: { args: ["resize", "../large.safetensors", "--network_dim", "8", "--output", "out.safetensors"] },
    cache: { args: ["cache"], environment: downloads, prepare: makeDownloads },
    "cache purge": { args: ["cache", "purge"], environment: downloads, prepare: makeDownloads },
    bench: { args: ["bench", "--tiny", "--backend", "wasm"] },
    // It ends at a signal alone, and then with 0. The moments lie in the first seconds: start, load and drawing.
    serve: { args: ["serve", "--port", "0", "--backend", "wasm"], lasts: 8, stopCode: 0, whenListening: startJobs },
    setup: {
      args: ["setup", "tensorflow", "--python", "../python"],
      environment: downloads,
    },
  }
}

/** Fills the cache of downloads in the folder of a run. */
async function makeDownloads() {
  for (let i = 0; i < 200; i++) {
    const version = join(work, "cache", "lllite", "downloads", `${i}`, "0")
    await mkdir(version, { recursive: true })
    await writeFile(join(version, "x.bin"), "x")
    const record = { address: `https://example.org/${i}`, size: 1, sha256: null, tag: null, downloaded: null }
    await writeFile(join(version, "x.bin.download.json"), JSON.stringify(record))
  }
}

/** Gives a server two jobs, which draw. Requests that a stop interrupts are none of ours. */
async function startJobs(url) {
  const model = { checkpoint: { path: "tiny" } }
  const recipe = { prompt: "a red star", steps: 20, width: 128, height: 128, model }
  for (const seed of [1, 2]) {
    const body = JSON.stringify({ kind: "generate", recipes: [{ ...recipe, seed }] })
    await fetch(`${url}/v1/jobs`, { method: "POST", headers: { "content-type": "application/json" }, body }).catch(
      () => {},
    )
  }
}

/** A server that sends a header's bytes slowly. */
async function trickling() {
  const server = createServer((_, response) => {
    response.writeHead(206, { "content-range": "bytes 0-65535/9000000", "content-length": 65536 })
    const timer = setInterval(() => response.write(Buffer.alloc(64)), 20)
    response.on("close", () => clearInterval(timer))
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  return Object.assign(server, { origin: `http://127.0.0.1:${server.address().port}` })
}

async function makeInputs() {
  const side = 64
  for (const name of ["images", "controls"]) {
    await mkdir(join(folder, "pairs", name), { recursive: true })
    for (let i = 0; i < 24; i++) {
      const colour = [10 * i, name === "images" ? 200 : 20, 90]
      await writePng(join(folder, "pairs", name, `${i}.png`), blankImage(side, side, colour))
    }
  }
  await mkdir(join(folder, "photos"))
  for (let i = 0; i < 12; i++) {
    const data = Uint8ClampedArray.from({ length: 320 * 240 * 3 }, (_, at) => (at % (320 * 3)) / 8 + 60 * random())
    await writePng(join(folder, "photos", `${i}.png`), { width: 320, height: 240, data })
  }
  await writeFile(join(folder, "prompts.txt"), "a red star\na blue ring\n")
  const model = { checkpoint: { path: "tiny" } }
  const recipe = createRecipe({ prompt: "a red star", seed: 1, steps: 6, width: 128, height: 128, model })
  await writeFile(join(folder, "workflow.json"), JSON.stringify(writeWorkflow(recipe).ui))
  await writePng(join(folder, "control.png"), blankImage(128, 128, [255, 255, 255]))
  const sites = enumerateSites(SDXL_LAYOUT).map((site) => ({ ...site, condDim: 32, mlpDim: 64 }))
  const values = (site, name) => {
    const count = siteTensorShapes(site, site)
      .get(name)
      .reduce((product, size) => product * size, 1)
    return Float32Array.from({ length: count }, () => random() - 0.5)
  }
  await writeFile(join(folder, "large.safetensors"), await serializeLllite({ sites, values, dtype: "F32" }))
  // Stands for a Python whose pip takes long and writes files.
  const script = `#!/bin/sh
case "$*" in
  *version_info*) echo 3.11.7 ;;
  *--version*) echo pip 24 ;;
  *) while [ "$1" != --target ]; do shift; done
     mkdir -p "$2/tensorflow"
     for i in 1 2 3 4 5 6 7 8 9 10; do head -c 1000000 /dev/zero > "$2/tensorflow/$i"; sleep 0.1; done
     exit 1 ;;
esac
`
  await writeFile(join(folder, "python"), script)
  await chmod(join(folder, "python"), 0o755)
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
    else if (code === 0) row.finished++
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
    row.lost += announced.filter((path) => !existsSync(join(work, path))).length
    row.left += run.left
    row.longest = Math.max(row.longest, taken)
    if (values.each) console.log(JSON.stringify({ ...row, moments: i + 1 }))
  }
  return row
}

/** One run, interrupted or whole. */
async function once({ args, environment = {}, prepare, whenListening }, interruption) {
  await rm(work, { recursive: true, force: true })
  await mkdir(work)
  await prepare?.()
  const mark = `lllite-${Date.now()}`
  const child = spawn(process.execPath, [main, ...args], {
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
    files: (await readdir(work, { recursive: true })).map((path) => join(work, path)),
    left: await programsLeft(mark),
  }
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
