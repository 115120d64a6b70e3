import { createHash } from "node:crypto"
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fromBytes, readLllite, siteTensorShapes } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { serializeLllite, serializeSafetensors } from "@lllite/format/write"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Outcome, runHere } from "./in-process.test-help.ts"

/* The commands that change files, used rightly and wrongly. Wrongly, nothing may be written. */

let folder = ""
const at = (name: string): string => join(folder, name)

/** Runs a command line in this process; names of files mean those in the test's folder. */
const lllite = (...args: readonly string[]): Promise<Outcome> =>
  runHere(args.map((arg) => (/\.safetensors$|^(out|none)$/.test(arg) ? at(arg) : arg)))

const layout = { modelChannels: 8, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const

/** An LLLite whose values are all one number, or are drawn. */
async function writeFixture(name: string, value?: number, form: { sharedTrunk?: boolean } = {}): Promise<void> {
  const sites = enumerateSites(layout).map((site) => ({ ...site, condDim: 4, mlpDim: 6, ...form }))
  let state = 1
  const draw = (): number => {
    state = (state * 48271) % 2147483647
    return state / 2147483647 - 0.5
  }
  const bytes = await serializeLllite({
    sites,
    dtype: "F32",
    metadata: new Map([["modelspec.title", name]]),
    values: (site, tensor) => {
      const count =
        siteTensorShapes(site, site)
          .get(tensor)
          ?.reduce((product, size) => product * size, 1) ?? 0
      return Float32Array.from({ length: count }, () => value ?? draw())
    },
  })
  await writeFile(at(name), bytes)
}

const read = async (name: string): ReturnType<typeof readLllite> =>
  readLllite(fromBytes(new Uint8Array(await readFile(at(name)))))

const json = async <T>(...args: readonly string[]): Promise<T> => {
  const { code, stdout, stderr } = await lllite(...args, "--json")
  expect([code, stderr]).toEqual([0, ""])
  return JSON.parse(stdout) as T
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-edit-"))
  await writeFixture("a.safetensors")
  await writeFixture("ones.safetensors", 1)
  await writeFixture("big.safetensors", 1e6)
  await writeFixture("shared.safetensors", undefined, { sharedTrunk: true })
  const tensor = { dtype: "F32" as const, shape: [1], bytes: new Uint8Array(4) }
  await writeFile(at("lora.safetensors"), serializeSafetensors(new Map([["lora_unet_x.lora_down.weight", tensor]])))
  await writeFile(at("text.safetensors"), "this is only text, not a safetensors file")
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe("used rightly", () => {
  it("convert writes another dtype and other names, and back", async () => {
    const report = await json<object>("convert", "a.safetensors", "--output", "half.safetensors", "--dtype", "fp16")
    expect(report).toMatchObject({ converted: 224, lllite: { sites: 20, condDim: 4, mlpDim: 6, dtypes: ["F16"] } })
    const { code, stdout } = await lllite(
      "convert",
      "a.safetensors",
      "--output",
      "names.safetensors",
      "--keys",
      "training",
    )
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^Wrote .*names\.safetensors: \d+ tensors, [\d.]+ KiB\.\n$/),
    ])
    await json("convert", "names.safetensors", "--output", "again.safetensors", "--keys", "file")
    const bell = await lllite("convert", "a.safetensors", "--output", "bell\u0007.safetensors", "--keys", "training")
    expect(bell.stdout).toMatch(/^Wrote .*bell\\u0007\.safetensors: /)
    expect(await readFile(at("again.safetensors"))).toEqual(await readFile(at("a.safetensors")))
  })

  it("convert makes an LLLite with a shared conditioner plain, and inspect and diff say what they are", async () => {
    const report = await json<{ tensors: number }>(
      "convert",
      "shared.safetensors",
      "--output",
      "p.safetensors",
      "--plain",
    )
    expect(report).toMatchObject({ tensors: 224, lllite: { sites: 20 }, leftOut: 0 })
    expect((await lllite("inspect", "shared.safetensors")).stdout).toMatch(
      /kind +lllite: .* with a shared trunk, which only .*conditioner +shared by the sites of each depth, at 20 sites/s,
    )
    expect((await lllite("inspect", "p.safetensors")).stdout).not.toMatch(/conditioner|trunk/)
    expect((await read("shared.safetensors")).parameterCount).toBeLessThan((await read("p.safetensors")).parameterCount)
    expect((await lllite("diff", "shared.safetensors", "p.safetensors")).code).toBe(0)
    expect(
      (await lllite("prune", "shared.safetensors", "--output", "q.safetensors", "--blocks", "middle")).stdout,
    ).toMatch(/sd-scripts would not load it: its sites share a trunk/)
  })

  it("edit shows metadata, sets, removes and fills it in", async () => {
    expect((await lllite("edit", "a.safetensors")).stdout).toBe("modelspec.title = a.safetensors\n")
    await json(
      "edit",
      "a.safetensors",
      "--set",
      "note=x=y",
      "--unset",
      "modelspec.title",
      "--fill",
      "--output",
      "b.safetensors",
    )
    expect(await json("edit", "b.safetensors")).toEqual({
      note: "x=y",
      "modelspec.sai_model_spec": "1.0.1",
      "modelspec.architecture": "stable-diffusion-xl-v1-base/control-net-lllite",
      "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
      "modelspec.title": "a",
      "lllite.cond_emb_dim": "4",
      "lllite.mlp_dim": "6",
    })
    expect((await lllite("edit", "b.safetensors", "--clear", "--force")).code).toBe(0)
    expect((await lllite("edit", "b.safetensors")).stdout).toBe("no metadata\n")
  })

  it("merge adds files up by ratio", async () => {
    const files = ["ones.safetensors", "a.safetensors"]
    const { notes } = await json<{ notes: string[] }>(
      "merge",
      ...files,
      "--ratios",
      "2",
      "0",
      "--output",
      "two.safetensors",
    )
    expect(notes).toEqual([expect.stringMatching(/add up to 2, not 1/)])
    const file = await read("two.safetensors")
    const [site] = file.sites
    if (site === undefined) throw new Error("no site")
    expect(new Set(await file.tensor(site, "mid.0.weight"))).toEqual(new Set([2]))
    expect(file.metadata.get("modelspec.merged_from")).toBe(files.join(", "))
  })

  it("resize reports the error, prune removes sites, diff finds both", async () => {
    const wide = await json<{ error: { largest: number } }>(
      "resize",
      "a.safetensors",
      "--network-dim",
      "9",
      "--output",
      "wide.safetensors",
    )
    expect(wide.error.largest).toBeLessThan(1e-6)
    const narrow = await lllite("resize", "wide.safetensors", "--network-dim", "4", "--output", "narrow.safetensors")
    expect(narrow.stdout).toMatch(
      /20 sites, condDim 4, mlpDim 4, F32[\s\S]+error on samples is [\d.]+% at the median site/,
    )

    await json("prune", "a.safetensors", "--blocks", "middle", "input_5", "--output", "less.safetensors")
    expect(new Set((await read("less.safetensors")).sites.map(({ block }) => block))).toEqual(
      new Set(["input 4", "input 7", "input 8"]),
    )
    const { pruned } = await json<{ pruned: string[] }>(
      "prune",
      "a.safetensors",
      "--weakest",
      "3",
      "--zero",
      "--output",
      "zeroed.safetensors",
    )
    expect(pruned).toHaveLength(3)
    expect((await read("zeroed.safetensors")).sites).toHaveLength(20)

    const difference = await json<{ onlyFirst: string[]; sites: object[] }>(
      "diff",
      "wide.safetensors",
      "less.safetensors",
      "--outputs",
    )
    expect(difference.onlyFirst).toHaveLength(8)
    expect(difference.sites[0]).toMatchObject({ parameters: null, outputs: expect.closeTo(0, 9) })
    expect((await lllite("diff", "a.safetensors", "a.safetensors")).stdout).toBe(
      "The files hold the same values and metadata.\n",
    )
    expect((await lllite("diff", "a.safetensors", "zeroed.safetensors")).stdout).toMatch(
      /20 sites in both files\. 3 of them differ/,
    )
  })

  it("hash gives the file's SHA-256 and its short forms", async () => {
    const sha256 = createHash("sha256")
      .update(await readFile(at("a.safetensors")))
      .digest("hex")
    expect(await json("hash", "a.safetensors")).toMatchObject({ sha256, autoV2: sha256.slice(0, 10) })
    expect((await lllite("hash", "a.safetensors")).stdout).toContain(`SHA-256  ${sha256}\nAutoV1`)
  })

  it("replaces a file with --force, the input too", async () => {
    await copyFile(at("a.safetensors"), at("place.safetensors"))
    await json("convert", "place.safetensors", "--output", "place.safetensors", "--dtype", "BF16", "--force")
    expect((await read("place.safetensors")).dtypes).toEqual(["BF16"])
  })
})

describe("used wrongly", () => {
  const cases: readonly (readonly [RegExp, ...string[]])[] = [
    [
      /ones\.safetensors": it exists already\. Choose another name\. To replace it, use --force\.\n/,
      "convert",
      "a.safetensors",
      "--dtype",
      "F16",
      "--output",
      "ones.safetensors",
    ],
    [/nothing to do, expected --dtype, --keys/, "convert", "a.safetensors", "--output", "out"],
    [/--dtype is "int4", expected one of F32/, "convert", "a.safetensors", "--dtype", "int4", "--output", "out"],
    [
      /--keys is "flat", expected "file" or "training"/,
      "convert",
      "a.safetensors",
      "--keys",
      "flat",
      "--output",
      "out",
    ],
    [/values are too large for F16/, "convert", "big.safetensors", "--dtype", "F16", "--output", "out"],
    [/cannot read ".*none": there is no such file/, "convert", "none", "--dtype", "F16", "--output", "out"],
    [/--output is missing, expected a file to write/, "convert", "a.safetensors", "--dtype", "F16"],
    [/no tensor belongs to an LLLite/, "convert", "lora.safetensors", "--keys", "file", "--output", "out"],
    [/edit: the output is the file itself\. Name another file with --output/, "edit", "a.safetensors", "--set", "a=b"],
    [/--set has "ab", expected key=value/, "edit", "a.safetensors", "--set", "ab", "--output", "out"],
    [/no key "x" to remove/, "edit", "a.safetensors", "--unset", "x", "--output", "out"],
    [/nothing to change/, "edit", "a.safetensors", "--output", "out"],
    [/this is a LoRA/, "edit", "lora.safetensors", "--fill", "--output", "out"],
    [/1 file given, expected at least two/, "merge", "a.safetensors", "--output", "out"],
    [/has 1 number for 2 files/, "merge", "a.safetensors", "ones.safetensors", "--ratios", "1", "--output", "out"],
    [/nothing to do, expected --network_dim/, "resize", "a.safetensors", "--output", "out"],
    [
      /--network_dim is 0, expected a whole number from 1/,
      "resize",
      "a.safetensors",
      "--network_dim",
      "0",
      "--output",
      "out",
    ],
    [
      /--network_dim is 1\.5, expected a whole number/,
      "resize",
      "a.safetensors",
      "--network_dim",
      "1.5",
      "--output",
      "out",
    ],
    [
      /has "output 3", expected blocks of the file: input 4/,
      "prune",
      "a.safetensors",
      "--blocks",
      "output 3",
      "--output",
      "out",
    ],
    [
      /expected one of --blocks, --keep_blocks and --weakest, received --blocks and --weakest/,
      "prune",
      "a.safetensors",
      "--weakest",
      "2",
      "--output",
      "out",
      "--blocks",
      "middle",
    ],
    [/--weakest is 20, expected 1 to 19/, "prune", "a.safetensors", "--weakest", "20", "--output", "out"],
    [/expected a safetensors file|expected a ControlNet-LLLite|header/, "hash", "text.safetensors"],
    [/this is a LoRA/, "diff", "a.safetensors", "lora.safetensors"],
  ]
  const named = cases.map(([message, ...args]) => ({ message, args }))
  it.each(named)("says $message and writes nothing", async ({ message, args }) => {
    const before = await readdir(folder)
    const { code, stdout, stderr } = await lllite(...args)
    expect([code, stdout]).toEqual([1, ""])
    expect(stderr).toMatch(message)
    expect(stderr.trim().split("\n")).toHaveLength(1)
    expect(await readdir(folder)).toEqual(before)
  })
})
