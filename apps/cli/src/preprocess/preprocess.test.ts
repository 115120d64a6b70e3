import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { preprocess } from "@lllite/core/image"
import { blankImage, drawImage, readImage, writePng } from "@lllite/runtime-node"
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest"
import { runProgram } from "../program.ts"

let folder = ""
const at = (...names: readonly string[]): string => join(folder, ...names)
const square = blankImage(64, 48, [250, 250, 250])
drawImage(square, blankImage(20, 20, [20, 60, 120]), 16, 12)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-preprocess-"))
  for (const name of ["a.png", "b.png"]) await writePng(at("in", name), square)
  await writeFile(at("notes"), "")
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => rm(at("out"), { recursive: true, force: true }))

async function lllite(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: "", stderr: "" }
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      said[name] += String(text)
      return true
    }),
  )
  try {
    return { code: await runProgram(["preprocess", ...args]), ...said }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

async function refusal(...args: readonly string[]): Promise<string> {
  const { code, stderr } = await lllite(...args)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^lllite: [^\n]+\n$/)
  expect(await readdir(at("out")).catch(() => [])).toEqual([])
  return stderr
}

interface TestPicture {
  jpeg(): TestPicture
  withMetadata(metadata: object): TestPicture
  toBuffer(): Promise<Uint8Array>
}

describe("lllite preprocess", () => {
  it("makes one picture, as the package does", async () => {
    const { code, stderr } = await lllite("canny", at("in", "a.png"), at("out", "edges.png"), "--low", "50", "--grey")
    expect([code, stderr]).toEqual([0, ""])
    expect(await readImage(at("out", "edges.png"))).toEqual(
      preprocess(square, { kind: "canny", options: { low: 50, grey: true } }),
    )
  })

  it("makes a folder of pictures, by a name that people know it by", async () => {
    const { code, stdout } = await lllite("Blur", at("in"), at("out"), "--sigma=2")
    expect(code).toBe(0)
    expect((await readdir(at("out"))).sort()).toEqual(["a.png", "b.png"])
    expect(await readImage(at("out", "b.png"))).toEqual(
      preprocess(square, { kind: "blur_gaussian", options: { sigma: 2 } }),
    )
    expect(stdout).toContain('{"event":"done","count":2,"kind":"blur_gaussian","options":{"sigma":2}}')
  })

  it("expands patterns, and reads sd-scripts' way to name edges", async () => {
    expect((await lllite("canny_63_191", at("in", "*.png"), at("out"))).code).toBe(0)
    expect(await readImage(at("out", "a.png"))).toEqual(
      preprocess(square, { kind: "canny", options: { low: 63, high: 191, grey: true } }),
    )
  })

  it("replaces nothing, unless it is told to", async () => {
    await mkdir(at("out"))
    await writeFile(at("out", "b.png"), "mine")
    const { code, stderr } = await lllite("invert", at("in"), at("out"))
    expect([code, stderr]).toEqual([
      1,
      `lllite: cannot write "${at("out", "b.png")}": it exists already. Choose another name. To replace it, use --force.\n`,
    ])
    expect(await readdir(at("out"))).toEqual(["b.png"])
    expect((await lllite("invert", at("in"), at("out"), "--force")).code).toBe(0)
    expect(await readImage(at("out", "b.png"))).toEqual(preprocess(square, { kind: "invert" }))
  })

  it("never replaces an input, under any of its names", async () => {
    const before = await readFile(at("in", "a.png"))
    await symlink(at("in"), at("link")).catch(() => {})
    for (const out of [at("in"), at("in", ".", "a.png"), at("link")]) {
      const { code, stderr } = await lllite("invert", at("in", "a.png"), out, "--force")
      expect(code).toBe(1)
      expect(stderr).toContain("is an input, and inputs are never replaced. Choose another folder or name.\n")
    }
    expect(await readFile(at("in", "a.png"))).toEqual(before)
  })

  it("says what is dropped", async () => {
    // The decoder of pictures is the runtime's.
    const runtime = createRequire(new URL("../../../../packages/runtime-node/package.json", import.meta.url))
    const sharp: (options: object) => TestPicture = runtime("sharp")
    const turned = sharp({ create: { width: 40, height: 20, channels: 3, background: "#808080" } })
    await writeFile(at("turned.jpg"), await turned.jpeg().withMetadata({ orientation: 6 }).toBuffer())
    const { code, stdout } = await lllite("invert", at("turned.jpg"), at("out"))
    expect(code).toBe(0)
    expect(stdout).toMatch(/"event":"notice","text":".*turned\.jpg\\?" has an EXIF orientation, which is not applied/)
  })

  it("stops between pictures", async () => {
    const stop = new AbortController()
    const { InterruptedError } = await import("../terminal/errors.ts")
    stop.abort(new InterruptedError("stopped"))
    const spy = vi.spyOn(process.stderr, "write").mockReturnValue(true)
    const code = await runProgram(["preprocess", "canny", at("in"), at("out")], {
      signal: stop.signal,
      exitCode: () => 130,
    })
    expect(spy.mock.calls.join("")).toBe("lllite: stopped. 0 of 2 pictures are written\n")
    spy.mockRestore()
    expect(code).toBe(130)
    expect(await readdir(at("out")).catch(() => [])).toEqual([])
  })

  it("lists every kind with its options", async () => {
    const { code, stdout } = await lllite("--list")
    expect(code).toBe(0)
    expect(stdout).toContain("\ncolor_grid (also color, t2ia_color_grid)\n")
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(
      "--sigma <number> Width of the blur in pixels. Values: a number from 0.01 to 64. Default: 9.",
    )
  })

  it.each<[string, readonly string[], string | RegExp]>([
    ["no arguments", [], "preprocess: expected <kind> <in...> <out>. Type: lllite preprocess <kind> <in...> <out>."],
    ["no output", ["canny", "IN/a.png"], "preprocess: expected <kind> <in...> <out>, received 2. Type:"],
    ["arguments beside --list", ["--list", "canny"], "--list takes no arguments"],
    ["an unknown kind", ["depth", "IN", "OUT"], 'preprocess: "depth" needs a trained network'],
    ["the kind that does nothing", ["none", "IN", "OUT"], "preprocess: none leaves pictures as they are"],
    ["an option of another kind", ["canny", "IN", "OUT", "--sigma", "3"], 'preprocess: canny has no option "sigma"'],
    ["a value out of range", ["blur", "IN", "OUT", "--sigma", "-3"], "sigma of blur_gaussian is -3, expected a number"],
    ["a value that is not a number", ["blur", "IN", "OUT", "--sigma", "much"], '--sigma is "much", expected a number'],
    ["a misspelt option", ["blur", "IN", "OUT", "--sigm", "3"], "there is no option --sigm. Did you mean --sigma?"],
    ["an input that is not there", ["blur", "IN/c.png", "OUT"], /cannot read ".*c\.png": there is no such file/],
    ["a pattern without matches", ["blur", "IN/*.gif", "OUT"], /no picture matches ".*\*\.gif"/],
    ["another ending", ["blur", "IN/a.png", "OUT/a.jpg"], "pictures are written as PNG. Choose a name that ends with"],
    ["many pictures for one file", ["blur", "IN", "OUT/a.png"], "cannot write 2 pictures into"],
    ["a file in the place of a folder", ["blur", "IN", "NOTES"], "it is a file, expected a folder"],
  ])("refuses %s", async (_, args, message) => {
    const filled = args.map((arg) =>
      arg
        .replace(/^IN/, at("in"))
        .replace(/^OUT/, at("out"))
        .replace(/^NOTES/, at("notes")),
    )
    expect(await refusal(...filled)).toMatch(message)
  })

  it("refuses pictures that are none, and names with two pictures, before it makes any", async () => {
    await cp(at("in"), at("mixed"), { recursive: true })
    await writeFile(at("mixed", "0.png"), "no picture")
    await writeFile(at("mixed", "1.jpg"), "")
    expect(await refusal("canny", at("mixed"), at("out"))).toMatch(
      /0\.png" is not a picture that can be read.* So are 1 more of 4\./,
    )
    await cp(at("in", "a.png"), at("more", "A.jpg"))
    expect(await refusal("canny", at("in"), at("more"), at("out"))).toMatch(
      /a\.png" and ".*A\.jpg" would both be written as/,
    )
  })
})
