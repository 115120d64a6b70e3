import { execFileSync } from "node:child_process"
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { enumerateSites } from "@lllite/format/selections"
import { blankImage, writeLlliteFile, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type Outcome, runHere } from "./in-process.test-help.ts"

/*
 * Every command that writes, with outputs that cannot be written. Each must be refused by one sentence before a backend
 * starts, and nothing may be left or changed.
 */

let folder = ""
const at = (...names: readonly string[]): string => join(folder, ...names)

const lllite = (...args: readonly string[]): Promise<Outcome> => runHere(args)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-bad-output-"))
  await writePng(at("images", "a.png"), blankImage(64, 64, [200, 100, 50]))
  await writePng(at("controls", "a.png"), blankImage(64, 64, [0, 0, 0]))
  await writeFile(at("images", "a.caption"), "a square")
  const layout = { modelChannels: 8, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
  const model = createLllite(enumerateSites(layout), { condDim: 4, mlpDim: 8 }, createStream(1, "init"))
  await writeLlliteFile(at("a.safetensors"), model, { dtype: "F32" })
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  await rm(at("out"), { recursive: true, force: true })
  await mkdir(at("out"))
})

const inFolder = {
  train: (out: string): readonly string[] => [
    ...["train", "--pretrained_model_name_or_path", "tiny", "--resolution", "64", "--output_dir", out],
    ...["--train_data_dir", at("images"), "--conditioning_data_dir", at("controls"), "--max_train_steps", "2"],
  ],
  generate: (out: string): readonly string[] => ["generate", "--ckpt", "tiny", "--prompt", "x", "--outdir", out],
  preprocess: (out: string): readonly string[] => ["preprocess", "canny", at("images"), out],
  demo: (out: string): readonly string[] => ["demo", "--steps", "1", "--out", out],
}

/** A command that reads the test's file. */
const edits =
  (name: string, ...more: readonly string[]): ((out: string) => readonly string[]) =>
  (out) => [name, at("a.safetensors"), ...more, "--output", out]

const toFile = {
  convert: edits("convert", "--dtype", "F16"),
  edit: edits("edit", "--set", "a=b"),
  resize: edits("resize", "--network_dim", "4"),
  prune: edits("prune", "--weakest", "1"),
  merge: (out: string): readonly string[] => edits("merge", at("a.safetensors"))(out),
}

/** Runs a command that must be refused before it loads anything. @returns its sentence */
async function refused(...args: readonly string[]): Promise<string> {
  const before = await listing()
  const { code, stdout, stderr } = await lllite(...args)
  expect(code, stderr).toBe(1)
  // A slow machine shows how far the data set is examined.
  expect(stdout.replaceAll(/^\{"event":"progress".*\n/gm, "")).toBe("")
  expect(stderr).toMatch(/^lllite: [^\n]+\n$/)
  expect(stderr).not.toMatch(/unexpected error/)
  expect(await listing()).toEqual(before)
  return stderr
}

/** All paths in the test's folder, with what they are. */
async function listing(): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true })
  return Promise.all(names.sort().map(async (name) => `${name} ${(await lstat(at(name))).mode.toString(8)}`))
}

const LONG = "x".repeat(256)

describe.each(Object.entries(inFolder))("%s", (_, command) => {
  it("refuses folders that cannot be written, before it loads anything", async () => {
    await writeFile(at("out", "file"), "mine")
    await symlink("circle", at("out", "circle"))
    expect(await refused(...command(at("out", "file")))).toMatch(/file": it is a file, expected a folder/)
    expect(await refused(...command(at("out", "file", "inner")))).toMatch(/a part of the path is a file/)
    expect(await refused(...command(at("out", LONG)))).toMatch(/too long/)
    expect(await refused(...command(at("out", ...Array.from({ length: 20 }, () => LONG.slice(9)))))).toMatch(/too long/)
    expect(await refused(...command(at("out", "circle")))).toMatch(/symbolic links lead in a circle/)
    expect(await refused(...command("/proc/none"))).toMatch(/cannot write into "\/proc\/none"/)
    expect(await readFile(at("out", "file"), "utf8")).toBe("mine")
  })
})

describe.each(Object.entries(toFile))("%s", (_, command) => {
  it("refuses files that cannot be written, with --force, too", async () => {
    await mkdir(at("out", "folder"))
    await writeFile(at("out", "file"), "mine")
    execFileSync("mkfifo", [at("out", "pipe")])
    await symlink("/dev/null", at("out", "device"))
    for (const more of [[], ["--force"]]) {
      const say = (...names: readonly string[]): Promise<string> => refused(...command(at("out", ...names)), ...more)
      expect(await say("folder")).toMatch(/it is a folder, expected a file/)
      expect(await say("pipe")).toMatch(/it is a named pipe/)
      expect(await say("device")).toMatch(/it is a device/)
      expect(await say("file", "inner")).toMatch(/file": it is a file, expected a folder/)
      expect(await say(LONG)).toMatch(/too long/)
      expect(await refused(...command(`${at("out", "new")}/`), ...more)).toMatch(/it is the name of a folder/)
    }
    expect(await refused(...command(at("out", "file")))).toMatch(/it exists already\. .* use --force\.\n/)
    expect(await readFile(at("out", "file"), "utf8")).toBe("mine")
  })

  it("writes through a link and keeps the permissions with --force", async () => {
    await writeFile(at("out", "private"), "old")
    await chmod(at("out", "private"), 0o600)
    await symlink("private", at("out", "link"))
    const { code, stderr } = await lllite(...command(at("out", "link")), "--force")
    expect([code, stderr]).toEqual([0, ""])
    expect((await lstat(at("out", "link"))).isSymbolicLink()).toBe(true)
    expect((await stat(at("out", "private"))).mode & 0o777).toBe(0o600)
    expect(await readFile(at("out", "private"), "utf8")).not.toBe("old")
  })
})

describe("train", () => {
  it("refuses the files of an earlier run that have its names, and no others", async () => {
    const names = ["last.safetensors", "last-step00000001.safetensors", "last-step00000003.safetensors", "last-2.json"]
    for (const name of names) await writeFile(at("out", name), "")
    const say = (...more: readonly string[]): Promise<string> => refused(...inFolder.train(at("out")), ...more)
    expect(await say()).toMatch(/last\.safetensors": it exists already\. .* use --force\.\n/)
    // The run has two steps, so the third is not one of its files.
    expect(await say("--save_every_n_steps", "1")).toMatch(/last\.safetensors" and 1 more file: they exist already/)
    await rm(at("out", "last.safetensors"))
    expect(await say("--save_every_n_steps", "1")).toMatch(/last-step00000001\.safetensors": it exists already/)
  })

  it("refuses names that no file can have", async () => {
    const say = (name: string): Promise<string> => refused(...inFolder.train(at("out")), "--output_name", name)
    // With its ending, the first is too long. With the number of a step, the second is.
    expect(await say("x".repeat(244))).toMatch(/too long/)
    expect(await say("x".repeat(240))).toMatch(/too long/)
    await mkdir(at("out", "taken.safetensors"))
    expect(await say("taken")).toMatch(/it is a folder, expected a file/)
    await writeFile(at("nul.toml"), 'output_name = "a\\u0000b"')
    const config = ["--config_file", at("nul.toml")]
    expect(await refused(...inFolder.train(at("out")), ...config)).toMatch(/cannot hold a NUL character/)
  })
})

describe("demo", () => {
  it("refuses the files of an earlier demo", async () => {
    await mkdir(at("out", "pictures"))
    for (const name of ["report.html", join("pictures", "23-with.png")]) await writeFile(at("out", name), "")
    expect(await refused(...inFolder.demo(at("out")))).toMatch(/report\.html" and 1 more file: they exist already/)
  })
})
