import { spawn } from "node:child_process"
import { existsSync, rmSync } from "node:fs"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, expect, it } from "vitest"

/* The built command, with a picture that disappears while it trains. */

const command = fileURLToPath(new URL("../dist/main.js", import.meta.url))
let folder = ""
const at = (...names: readonly string[]): string => join(folder, ...names)

beforeAll(async () => {
  if (!existsSync(command)) throw new Error(`"${command}" is missing. Build the command first: npm run build`)
  folder = await mkdtemp(join(tmpdir(), "lllite-lost-picture-"))
  await writePng(at("images", "a.png"), blankImage(64, 64, [200, 100, 50]))
  await writePng(at("controls", "a.png"), blankImage(64, 64, [0, 0, 0]))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it("saves the run of the last step when a picture disappears", async () => {
  const child = spawn(
    process.execPath,
    [
      ...[command, "train", "--pretrained_model_name_or_path", "tiny", "--backend", "wasm", "--resolution", "64"],
      ...["--network_dim", "4", "--cond_emb_dim", "4", "--max_train_steps", "100000", "--output_dir", at("trained")],
      ...["--train_data_dir", at("images"), "--conditioning_data_dir", at("controls"), "--color_aug", "--save_state"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  )
  let stderr = ""
  child.stderr.on("data", (text) => {
    stderr += String(text)
  })
  let stdout = ""
  child.stdout.on("data", (text) => {
    stdout += String(text)
    if (/"phase":"train","done":2,/.test(stdout)) rmSync(at("images", "a.png"), { force: true })
  })
  const code = await new Promise((resolve) => child.on("close", resolve))
  expect(stderr).toMatch(
    /^lllite: cannot read ".*a\.png": there is no such file[^\n]* The training ended after \d+ of 100000 steps\. Its LLLite is saved as ".*last-step\d+\.safetensors"\.\n$/,
  )
  expect(code).toBe(1)
  const saved = (await readdir(at("trained"))).filter((name) => name.startsWith("last-step")).sort()
  expect(saved).toEqual([
    expect.stringMatching(/^last-step\d+-state$/),
    expect.stringMatching(/^last-step\d+\.safetensors$/),
  ])
})
