import { execFileSync, spawn, spawnSync } from "node:child_process"
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { preprocess } from "@lllite/core/image"
import { blankImage, openDataset, readDatasetConfig, writePng } from "@lllite/runtime-node"
import { captionOf, drawScene, makeScene } from "@lllite/tiny"
import { beforeEach, describe, expect, it, onTestFinished } from "vitest"
import { longOnly } from "../../../../../packages/format/test/needs.ts"

/* The built command. `turbo run build` comes first. */

const main = fileURLToPath(new URL("../../../dist/main.js", import.meta.url))
let folder = ""
const at = (...names: readonly string[]): string => join(folder, ...names)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-make-"))
  onTestFinished(() => rm(folder, { recursive: true }))
})

/** Pictures with captions, the last without one. */
async function photos(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) {
    await writePng(at("photos", `${i}.png`), drawScene(makeScene(4, i)))
    if (i < count - 1) await writeFile(at("photos", `${i}.txt`), captionOf(makeScene(4, i)))
  }
}

function make(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "dataset", "make", ...args], {
    cwd: folder,
    encoding: "utf8",
  })
  const events: readonly Record<string, unknown>[] = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
  return { status, stderr, events, event: (name: string) => events.find(({ event }) => event === name) }
}

/** Kills a run when it has written so many files. */
async function killed(count: number, ...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [main, "dataset", "make", ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  })
  let files = 0
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    files += text.split('"event":"file"').length - 1
    if (files >= count) child.kill("SIGKILL")
  })
  await new Promise((resolve) => child.once("close", resolve))
}

/** All files of a folder with their bytes. */
async function contents(name: string): Promise<ReadonlyMap<string, string>> {
  const paths = await readdir(at(name), { recursive: true, withFileTypes: true })
  const files = paths.filter((entry) => entry.isFile() && !entry.name.startsWith("."))
  const read = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    return [path.slice(at(name).length), (await readFile(path)).toString("latin1").replaceAll(at(name), "")] as const
  })
  return new Map((await Promise.all(read)).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const CANNY = ["--from_pictures", "photos", "--prep", "canny", "--outdir"] as const

describe("lllite dataset make --from_pictures", () => {
  it("makes controls that training takes, and leaves the pictures where they are", async () => {
    await photos()
    const { status, stderr, event } = make(...CANNY, "set")
    expect([status, stderr]).toEqual([0, ""])
    expect(event("notice")?.text).toMatch(/^1 of 4 pictures have no caption with the extension \.txt/)
    expect(event("done")).toMatchObject({ pairs: 4, made: 4, config: join("set", "dataset.toml") })
    expect((await readdir(at("set"))).sort()).toEqual(["controls", "dataset.toml", "settings.json"])
    const dataset = await openDataset(await readDatasetConfig(at("set", "dataset.toml")))
    expect(dataset.count).toBe(4)
    const { image, control, caption } = await dataset.example(1)
    expect(control.data).toEqual(preprocess(image, { kind: "canny" }).data)
    expect(caption).toBe(captionOf(makeScene(4, 1)))
  })

  it("copies pictures and captions, and keeps a caption that was changed by hand", async () => {
    await photos()
    await writeFile(at("photos", "old.bmp"), "")
    expect(make(...CANNY, "set").stderr).toMatch(/"photos\/old.bmp" has a format that is not read\. .* With --copy/)
    expect(make(...CANNY, "set", "--copy").status).toBe(0)
    const first = await contents("set")
    expect([...first.keys()].filter((name) => name.startsWith("/images"))).toHaveLength(7)
    expect(first.get("/images/2.png")).toBe((await readFile(at("photos", "2.png"))).toString("latin1"))
    await writeFile(at("set", "images", "0.txt"), "mine")
    await rm(at("set", "controls", "0.png"))
    expect(make(...CANNY, "set", "--copy").event("done")).toMatchObject({ pairs: 4, made: 1 })
    expect(await contents("set")).toEqual(new Map([...first, ["/images/0.txt", "mine"]]))
  })

  it("continues after it was killed, with the same files", async () => {
    await photos(12)
    expect(make(...CANNY, "whole", "--copy").status).toBe(0)
    await killed(3, ...CANNY, "killed", "--copy")
    const left = await contents("killed")
    expect(left.has("/settings.json")).toBe(true)
    expect(left.has("/dataset.toml")).toBe(false)
    const again = make(...CANNY, "killed", "--copy")
    expect(again.status).toBe(0)
    expect(Number(again.event("done")?.made)).toBeLessThan(12)
    const strip = (files: ReadonlyMap<string, string>): readonly (readonly [string, string])[] =>
      [...files].map(([name, bytes]) => [name, bytes.replaceAll(/"\/tmp[^"]*"/g, "")])
    expect(strip(await contents("killed"))).toEqual(strip(await contents("whole")))
  })

  it("names settings that differ, and replaces files with --force alone", async () => {
    await photos()
    expect(make(...CANNY, "set").status).toBe(0)
    const first = await contents("set")
    const other = ["--from_pictures", "photos", "--prep", "invert", "--outdir", "set", "--num_repeats", "3"]
    expect(make(...other).stderr).toMatch(
      /"set" was begun with other settings: prep is "invert", and was "canny:"; num_repeats is 3, and was left out\./,
    )
    expect(await contents("set")).toEqual(first)
    expect(make(...other, "--force").event("done")).toMatchObject({ pairs: 4, made: 4 })
    const { control, image } = await (await openDataset(await readDatasetConfig(at("set", "dataset.toml")))).example(0)
    expect(control.data).toEqual(preprocess(image, { kind: "invert" }).data)
    // A run with --force that was killed leaves both kinds. None is taken for the other.
    await rm(at("set", "controls", "0.png"))
    await writePng(at("set", "controls", "1.png"), blankImage(128, 128, [0, 0, 0]))
    expect(make(...other).stderr).toMatch(/"set\/controls\/1.png" exists, and was not made by this command/)
    expect(make(...other, "--force").event("done")).toMatchObject({ made: 2 })
  })

  it("says what it would make, and writes nothing", async () => {
    await photos()
    const { status, event } = make(...CANNY, "deep/set", "--dry_run")
    expect(status).toBe(0)
    expect(event("plan")).toMatchObject({ pairs: 4, finished: 0, Training: "128x128", mostBytes: 4 * 3 * 128 * 128 })
    const { likelyBytes } = event("plan") ?? {}
    expect(await readdir(folder)).toEqual(["photos"])
    expect(make(...CANNY, "set").status).toBe(0)
    const sizes = [...(await contents("set"))].map(([name, bytes]) => (name.startsWith("/controls") ? bytes.length : 0))
    const real = sizes.reduce((sum, size) => sum + size, 0)
    expect(Number(likelyBytes) / real).toBeGreaterThan(0.5)
    expect(Number(likelyBytes) / real).toBeLessThan(2)
  })

  it("refuses what cannot become a data set, before it writes", async () => {
    await photos()
    await writePng(at("set", "controls", "foreign.png"), blankImage(8, 8, [0, 0, 0]))
    expect(make(...CANNY, "set").stderr).toMatch(/"set\/controls\/foreign.png": this run does not make such a picture/)
    await cp(at("photos", "0.png"), at("photos", "0.webp"))
    expect(make(...CANNY, "other").stderr).toMatch(/would both be written as/)
    await rm(at("photos", "0.webp"))
    await writeFile(at("photos", "7.png"), "<html>")
    await writeFile(at("photos", "8.png"), "")
    expect(make(...CANNY, "other").stderr).toMatch(/So are 1 more of 6/)
    await mkdir(at("none"))
    expect(make("--from_pictures", "none", "--prep", "canny", "--outdir", "other").stderr).toMatch(/has no picture/)
    execFileSync("mkfifo", [at("pipe")])
    expect(make("--from_pictures", "pipe", "--prep", "canny", "--outdir", "other").stderr).toMatch(
      /^lllite: "pipe" is a device or a pipe, expected a folder of pictures\.$/m,
    )
    await rm(at("pipe"))
    await writeFile(at("set", "settings.json"), "{}")
    expect(make(...CANNY, "set").stderr).toMatch(/"set\/settings.json" was not written by lllite dataset make/)
    expect(make(...CANNY, "other", "--steps", "3").stderr).toMatch(/--steps serves pictures of prompts/)
    expect(make("--outdir", "other").stderr).toMatch(/--prep is missing[\s\S]*--from_pictures or --prompts is missing/)
    expect((await readdir(folder)).sort()).toEqual(["none", "photos", "set"])
  })
})

describe("lllite dataset make --prompts", () => {
  const DRAW = [
    ...["--prompts", "prompts.txt", "--ckpt", "tiny", "--backend", "wasm", "--W", "64", "--steps", "2"],
    ...["--wildcard_dir", "wild", "--prep", "canny", "--count", "5", "--batch_size", "2", "--outdir"],
  ] as const

  beforeEach(async () => {
    await mkdir(at("wild"))
    await writeFile(at("wild", "colour.txt"), "red\ngreen\nblue\n")
    await writeFile(at("prompts.txt"), "# shapes\na (__colour__:1.2) {star|ring}\na square --s 3\n")
  })

  it("draws pictures with captions and controls that training takes", async () => {
    await writeFile(at("prompts.txt"), "# shapes\na (__colour__:1.2) {star|ring}\na square --s 3 --f square.webp\n")
    const { status, event, events } = make(...DRAW, "set")
    expect(status).toBe(0)
    expect(event("done")).toMatchObject({ pairs: 5, made: 5 })
    const notices = events.flatMap(({ event, text }) => (event === "notice" ? [String(text)] : []))
    expect(notices).toContain("--f of a prompt has no effect on a data set, whose files have numbers.")
    expect(notices.filter((text) => text.includes("WebP"))).toEqual([])
    const dataset = await openDataset(await readDatasetConfig(at("set", "dataset.toml")))
    expect(dataset.count).toBe(5)
    const examples = await Promise.all([0, 1, 2, 3, 4].map((i) => dataset.example(i)))
    for (const { image, control } of examples) {
      expect(image).toMatchObject({ width: 64, height: 64 })
      expect(control.data).toEqual(preprocess(image, { kind: "canny" }).data)
    }
    const captions = examples.map(({ caption }) => caption)
    expect(captions.filter((caption) => /^a (red|green|blue) (star|ring)$/.test(caption))).toHaveLength(3)
    expect(captions.filter((caption) => caption === "a square")).toHaveLength(2)
  })

  it("continues after it was killed, with the same files, and draws nothing that is there", longOnly, async () => {
    expect(make(...DRAW, "whole").status).toBe(0)
    await killed(1, ...DRAW, "killed")
    await rm(at("killed", "controls", "000000.png"), { force: true })
    expect(make(...DRAW, "killed").status).toBe(0)
    const strip = (files: ReadonlyMap<string, string>): readonly (readonly [string, string])[] =>
      [...files].map(([name, bytes]) => [name, bytes.replaceAll(/"\/tmp[^"]*"/g, "")])
    expect(strip(await contents("killed"))).toEqual(strip(await contents("whole")))
    const again = make(...DRAW, "killed")
    expect(again.event("load")).toBeUndefined()
    expect(again.event("done")).toMatchObject({ pairs: 5, made: 0 })
  })

  it("grows by --count, and names prompts that differ", longOnly, async () => {
    expect(make(...DRAW, "set").status).toBe(0)
    const first = await contents("set")
    const more = DRAW.map((word) => (word === "5" ? "7" : word))
    expect(make(...more, "set").event("done")).toMatchObject({ pairs: 7, made: 2 })
    const grown = await contents("set")
    for (const [name, bytes] of first) expect(grown.get(name)).toBe(bytes)
    expect(make(...DRAW, "set").stderr).toMatch(
      /"set\/controls\/000005.png", and 1 more|"set\/images\/000005.png", and 1 more/,
    )
    await writeFile(at("prompts.txt"), "a square\na ring\n")
    expect(make(...more, "set").stderr).toMatch(
      /prompts has 2 and had 2, and number 1 is "a square", and was "a \(__colour__/,
    )
    await writeFile(at("prompts.txt"), "# shapes\na (__colour__:1.2) {star|ring}\na square --s 3\n")
    await writeFile(at("wild", "colour.txt"), "pink\n")
    expect(make(...more, "set").stderr).toMatch(/"set\/images\/000000.png" exists, and was not made by this command/)
    expect(await contents("set")).toEqual(grown)
  })

  it("says what it would draw, and refuses what belongs to generate alone", async () => {
    const { event } = make(...DRAW, "set", "--dry_run")
    expect(event("plan")).toMatchObject({ pairs: 5, finished: 0, mostBytes: 5 * 6 * 64 * 64 })
    expect(make(...DRAW, "set", "--prompt", "x", "--copy", "--dated_file_name").stderr).toMatch(
      /--copy belongs to --from_pictures[\s\S]*--prompt is not used for a data set[\s\S]*--dated_file_name is not used/,
    )
    expect(make("--prompts", "prompts.txt", "--prep", "canny", "--outdir", "set").stderr).toMatch(/--ckpt is missing/)
    const alone = DRAW.filter((word) => word !== "--wildcard_dir" && word !== "wild")
    expect(make(...alone, "set").stderr).toMatch(
      /"prompts.txt", line 2 has the wildcard __colour__, and --wildcard_dir is missing\. Give the folder with colour\.txt\./,
    )
    expect((await readdir(folder)).sort()).toEqual(["prompts.txt", "wild"])
  })
})
