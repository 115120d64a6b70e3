import { spawn } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { longOnly } from "../../../packages/format/test/needs.ts"

/* Runs of the built command that end and continue. `turbo run build` comes first. */

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))
let folder = ""

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-resume-"))
  for (const name of ["images", "controls"]) {
    await mkdir(join(folder, name))
    for (const i of [1, 2, 3]) await writePng(join(folder, name, `${i}.png`), blankImage(64, 64, [40 * i, 20, 90]))
  }
})
afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number | null
  /** The lines of JSON on stdout. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
  readonly stderr: string
}

/** Trains into a folder. @param kill milliseconds after which the process is killed */
async function trained(out: string, more: readonly string[], kill?: number): Promise<Ended> {
  const data = ["--train_data_dir", join(folder, "images"), "--conditioning_data_dir", join(folder, "controls")]
  const shape = ["--resolution", "64", "--max_train_steps", "6", "--train_batch_size", "2", "--backend", "wasm"]
  const saves = ["--output_dir", out, "--save_every_n_steps", "2", "--save_state"]
  const args = ["train", "--pretrained_model_name_or_path", "tiny", ...data, ...shape, ...saves, ...more]
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  const output = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text
    })
  }
  const timer = kill === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), kill)
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  clearTimeout(timer)
  const lines = output.stdout.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"))
  return { code, events: lines.map((line) => JSON.parse(line)), stderr: output.stderr }
}

/** Every file of a run by its path, with its bytes. */
async function filesOf(out: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(out, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const named = files.map(async (path) => [path.slice(out.length), (await readFile(path)).toString("base64")] as const)
  return new Map((await Promise.all(named)).sort(([a], [b]) => a.localeCompare(b)))
}

const losses = ({ events }: Ended): readonly unknown[] =>
  events.filter(({ phase }) => phase === "train").map(({ done, loss }) => [done, loss])

describe("a run that continues", () => {
  // Noise, dropout and an optimiser with numbers of its own: all that could begin anew.
  const options = [
    "--optimizer_type",
    "prodigy",
    "--learning_rate",
    "1",
    "--network_dropout",
    "0.2",
    "--noise_offset",
    "0.1",
  ]

  it("ends with the bytes and the losses of a run that never stopped", async () => {
    const [whole, parts] = [join(folder, "whole"), join(folder, "parts")]
    const atOnce = await trained(whole, options)
    expect(atOnce).toMatchObject({ code: 0, stderr: "" })
    const first = await trained(parts, [...options, "--max_train_steps", "4"])
    expect(first).toMatchObject({ code: 0 })
    for (const name of ["last.safetensors", "last-state"]) await rm(join(parts, name), { recursive: true })
    // A file of a step whose state was saved before the process was killed.
    await rm(join(parts, "last-step00000002.safetensors"))
    const state = join(parts, "last-step00000002-state")
    await rm(join(parts, "last-step00000004-state"), { recursive: true, force: true })
    await rm(join(parts, "last-step00000004.safetensors"), { force: true })
    const second = await trained(parts, [...options, "--resume", state])
    expect(second).toMatchObject({ code: 0, stderr: "" })
    expect(losses(second)).toEqual(losses(atOnce).slice(2))
    expect(await filesOf(parts)).toEqual(await filesOf(whole))
    expect([...(await filesOf(whole)).keys()]).toEqual([
      "/last-state/lllite-state.safetensors",
      "/last-step00000002-state/lllite-state.safetensors",
      "/last-step00000002.safetensors",
      "/last-step00000004-state/lllite-state.safetensors",
      "/last-step00000004.safetensors",
      "/last.safetensors",
    ])
  }, 120_000)

  it("says in what it differs, and refuses what is no state", async () => {
    const state = join(folder, "whole", "last-step00000004-state")
    const other = await trained(join(folder, "other"), [...options, "--seed", "7", "--resume", state])
    expect(other.code).toBe(0)
    expect(other.events.map(({ text }) => text).join("\n")).toContain(
      "The run before had another seed: 0. It goes on with 7",
    )
    const python = join(folder, "python-state")
    await mkdir(python)
    await writeFile(join(python, "random_states_0.pkl"), "")
    for (const [path, message] of [
      [join(folder, "images"), "has no lllite-state.safetensors. Expected a folder whose name ends in -state"],
      [python, "is a state of sd-scripts, which holds pickles of PyTorch"],
      [join(folder, "whole", "last.safetensors"), "is not the state of a training"],
      [join(folder, "none"), "there is no"],
    ] as const) {
      const refused = await trained(join(folder, "refused"), ["--resume", path])
      expect(refused.code).not.toBe(0)
      expect(refused.stderr).toContain(message)
    }
    const shorter = await trained(join(folder, "refused"), ["--max_train_steps", "3", "--resume", state])
    expect(shorter.stderr).toContain("is after step 4, and the run has 3")
  }, 120_000)

  it("keeps the files of the last steps, if asked", async () => {
    const out = join(folder, "kept")
    expect(await trained(out, ["--save_every_n_steps", "1", "--save_last_n_steps", "2"])).toMatchObject({ code: 0 })
    expect((await readdir(out)).sort()).toEqual([
      ...["last-state", "last-step00000003-state", "last-step00000003.safetensors"],
      ...["last-step00000004-state", "last-step00000004.safetensors"],
      ...["last-step00000005-state", "last-step00000005.safetensors", "last.safetensors"],
    ])
  }, 60_000)

  it("survives 500 kills at any moment", { ...longOnly, timeout: 10_800_000 }, async () => {
    const [whole, killed] = [join(folder, "long-whole"), join(folder, "long-killed")]
    const often = ["--save_every_n_steps", "1", "--max_train_steps", "12"]
    const start = performance.now()
    expect(await trained(whole, often)).toMatchObject({ code: 0 })
    const length = performance.now() - start
    const wanted = await filesOf(whole)
    let kills = 0
    while (kills < 500) {
      await rm(killed, { recursive: true, force: true })
      for (;;) {
        const states = (await readdir(killed).catch(() => [])).filter((name) => name.endsWith("-state")).sort()
        const last = states.includes("last-state") ? "last-state" : states.at(-1)
        const resume = last === undefined ? [] : ["--resume", join(killed, last)]
        const { code, stderr } = await trained(killed, [...often, ...resume], Math.random() * length)
        if (code === 0) break
        // Every end but a kill is a fault.
        expect([code, stderr]).toEqual([null, ""])
        kills += 1
      }
      expect(await filesOf(killed)).toEqual(wanted)
    }
  })
})
