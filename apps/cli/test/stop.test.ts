import { spawn } from "node:child_process"
import { link, mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, expect, it } from "vitest"

/* The built command, stopped by signals. `turbo run build` comes first. */

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))
let folder = ""

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-stop-"))
  for (const name of ["images", "controls"]) {
    await mkdir(join(folder, name))
    for (const i of [1, 2]) await writePng(join(folder, name, `${i}.png`), blankImage(64, 64, [40 * i, 20, 90]))
  }
})
afterAll(() => rm(folder, { recursive: true }))

interface Stopped {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Names in the run's folder `out`. */
  readonly files: readonly string[]
}

/** Runs a command, and sends signals when a text has come, or when `when` resolves. */
async function stopped(
  args: readonly string[],
  signals: readonly NodeJS.Signals[],
  when: string | Promise<void>,
): Promise<Stopped> {
  const cwd = await mkdtemp(join(folder, "run-"))
  const child = spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] })
  const output = { stdout: "", stderr: "" }
  let isSent = false
  const send = (): void => {
    if (isSent) return
    isSent = true
    for (const signal of signals) child.kill(signal)
  }
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text
      if (typeof when === "string" && output[name].includes(when)) send()
    })
  }
  if (typeof when !== "string") void when.then(send)
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  return { code, ...output, files: await readdir(join(cwd, "out")).catch(() => []) }
}

it("saves a training at SIGHUP, though the terminal sends it twice", async () => {
  const data = ["--train_data_dir", join(folder, "images"), "--conditioning_data_dir", join(folder, "controls")]
  const sizes = ["--resolution", "64", "--network_dim", "4", "--cond_emb_dim", "4", "--max_train_steps", "100000"]
  const model = ["--pretrained_model_name_or_path", "tiny", "--backend", "wasm", "--output_dir", "out"]
  const { code, stdout, stderr, files } = await stopped(
    ["train", ...model, ...data, ...sizes],
    ["SIGHUP", "SIGHUP"],
    '"phase":"train","done":2',
  )
  expect(code).toBe(129)
  expect(stderr).toMatch(/stopped after \d+ of 100000 steps\. The LLLite of that step is saved/)
  expect(stdout).toContain('"event":"stopping"')
  expect([...files].sort()).toEqual(["last-report.html", expect.stringMatching(/^last-step\d{8}\.safetensors$/)])
})

it("stops loading and drawing at SIGTERM and Ctrl-C, and keeps finished pictures alone", async () => {
  const size = ["--W", "64", "--H", "64", "--steps", "1000"]
  const args = ["generate", "--ckpt", "tiny", "--prompt", "a star", "--outdir", "out", "--backend", "wasm", ...size]
  const loading = await stopped(args, ["SIGTERM"], '"event":"load"')
  expect([loading.code, loading.files]).toEqual([143, []])
  const drawing = await stopped(args, ["SIGINT"], '"done":0.01')
  expect([drawing.code, drawing.files]).toEqual([130, []])
  expect(drawing.stderr).toContain("stopped. 0 of 1 pictures are written")
})

it("stops making control pictures at Ctrl-C, inside of a large one, too", async () => {
  await writePng(join(folder, "large.png"), blankImage(2400, 2400, [90, 20, 40]))
  const args = ["preprocess", "blur", join(folder, "large.png"), "out", "--sigma", "64"]
  const { code, stderr, files } = await stopped(args, ["SIGINT"], '"done":0')
  expect([code, stderr, files]).toEqual([130, "lllite: stopped. 0 of 1 pictures are written\n", []])
})

it("stops waiting for a server at Ctrl-C", async () => {
  const server = createServer()
  const asked = new Promise<void>((resolve) => server.once("request", () => resolve()))
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const { port } = server.address() as AddressInfo
  const { code, stderr } = await stopped(["inspect", `http://127.0.0.1:${port}/a.safetensors`], ["SIGINT"], asked)
  server.closeAllConnections()
  server.close()
  expect([code, stderr]).toEqual([130, "lllite: stopped\n"])
})

it("stops a check of a data set at Ctrl-C, and writes no sheet", async () => {
  const noise = blankImage(900, 900, [0, 0, 0])
  await writePng(join(folder, "noise.png"), { ...noise, data: noise.data.map((_, i) => (i * i * 31) >> 3) })
  const set = join(folder, "large-set")
  for (const name of ["images", "controls"]) {
    await mkdir(join(set, name), { recursive: true })
    for (let i = 0; i < 300; i++) await link(join(folder, "noise.png"), join(set, name, `${i}.png`))
  }
  const args = ["dataset", "check", set, "--resolution", "896", "--sheet", "out/sheet.png"]
  const { code, stdout, stderr, files } = await stopped(args, ["SIGINT"], '"phase":"check pictures"')
  expect([code, stdout, files]).toEqual([130, "", []])
  expect(stderr).toMatch(/lllite: stopped\n$/)
})

it("stops making a data set at Ctrl-C, and keeps finished pairs alone", async () => {
  await writePng(join(folder, "photos", "small.png"), blankImage(64, 64, [40, 20, 90]))
  await writePng(join(folder, "photos", "zlarge.png"), blankImage(2400, 2400, [90, 20, 40]))
  const args = ["dataset", "make", "--from_pictures", join(folder, "photos"), "--prep", "blur_gaussian:sigma=64"]
  const { code, stderr, files } = await stopped([...args, "--outdir", "out"], ["SIGINT"], '"event":"file"')
  expect([code, files.toSorted()]).toEqual([130, ["controls", "settings.json"]])
  expect(stderr).toBe("lllite: stopped. 1 of 2 pairs are complete. The same command continues\n")
})
