import { spawn } from "node:child_process"
import { closeSync, existsSync, openSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, expect, it } from "vitest"
import { needs } from "../../../packages/format/test/needs.ts"

/* The built command, with a stdout that takes nothing. The work goes on, and its files are written. */

const command = fileURLToPath(new URL("../dist/main.js", import.meta.url))
let folder = ""
const at = (...names: readonly string[]): string => join(folder, ...names)

interface Ended {
  readonly code: number | null
  readonly stderr: string
}

/** Runs the command. Its stdout is a descriptor, or a pipe that is closed after the first bytes. */
function run(args: readonly string[], stdout: number | "closed"): Promise<Ended> {
  const child = spawn(process.execPath, [command, ...args], {
    stdio: ["ignore", stdout === "closed" ? "pipe" : stdout, "pipe"],
  })
  let stderr = ""
  child.stderr?.on("data", (text) => {
    stderr += String(text)
  })
  child.stdout?.once("data", () => child.stdout?.destroy())
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stderr })))
}

beforeAll(async () => {
  if (!existsSync(command)) throw new Error(`"${command}" is missing. Build the command first: npm run build`)
  folder = await mkdtemp(join(tmpdir(), "lllite-lost-output-"))
  await writePng(at("images", "a.png"), blankImage(64, 64, [200, 100, 50]))
  await writePng(at("controls", "a.png"), blankImage(64, 64, [0, 0, 0]))
  await writeFile(at("images", "a.caption"), "a square")
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it("trains on when the reader of its progress is gone", async () => {
  const { code, stderr } = await run(
    [
      ...["train", "--pretrained_model_name_or_path", "tiny", "--backend", "wasm", "--resolution", "64"],
      ...["--network_dim", "4", "--cond_emb_dim", "4", "--max_train_steps", "3", "--output_dir", at("trained")],
      ...["--train_data_dir", at("images"), "--conditioning_data_dir", at("controls")],
    ],
    "closed",
  )
  expect([code, stderr]).toEqual([0, ""])
  expect((await readdir(at("trained"))).sort()).toEqual(["last-report.html", "last.safetensors"])
})

it(
  "loses no picture to a full disk under its log, or to a second run",
  needs("/dev/full", existsSync("/dev/full")),
  async () => {
    const full = openSync("/dev/full", "w")
    try {
      const args = [
        ...["generate", "--ckpt", "tiny", "--backend", "wasm", "--prompt", "a star", "--seed", "5"],
        ...["--W", "64", "--steps", "1", "--outdir", at("drawn")],
      ]
      for (const { code, stderr } of await Promise.all([run(args, full), run(args, full)])) {
        expect(stderr).toMatch(
          /^lllite: cannot write "stdout": the disk is full\. .*The work went on without them\.\n$/,
        )
        expect(code).toBe(0)
      }
      expect((await readdir(at("drawn"))).sort()).toEqual(["im_000000_5.png", "im_000001_5.png"])
      const [first, second] = await Promise.all(["0", "1"].map((n) => readFile(at("drawn", `im_00000${n}_5.png`))))
      expect(first?.equals(second ?? Buffer.of())).toBe(true)
      // The result of these is what stdout lacks.
      const result = await run(["hash", at("drawn", "im_000000_5.png"), "--help"], full)
      expect(result.stderr).toMatch(
        /^lllite: cannot write "stdout": the disk is full\. .*The report is missing there\.\n$/,
      )
      expect(result.code).toBe(1)
    } finally {
      closeSync(full)
    }
  },
)
