import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createRecipe } from "@lllite/core/recipe"
import { serializeSafetensors } from "@lllite/format/write"
import { InputError } from "@lllite/runtime-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { findNamedLoras, readLoraOptions } from "./loras.ts"
import { GENERATE_OPTIONS } from "./options.ts"
import { tagsOf } from "./prompts.ts"

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-loras-"))
  await mkdir(join(folder, "styles"))
  const tensors = (names: readonly string[]) =>
    serializeSafetensors(
      new Map(names.map((name) => [name, { dtype: "F32", shape: [1, 1], bytes: new Uint8Array(4) } as const])),
    )
  const module = "lora_unet_middle_block_1_proj_in"
  const plain = [`${module}.lora_down.weight`, `${module}.lora_up.weight`]
  await writeFile(join(folder, "ink.safetensors"), tensors(plain))
  await writeFile(join(folder, "styles", "Wash.safetensors"), tensors(plain))
  await writeFile(join(folder, "styles", "ink.safetensors"), tensors(plain))
  await mkdir(join(folder, "archive"))
  await writeFile(join(folder, "archive", "sketch.safetensors"), tensors(plain))
  await writeFile(join(folder, "sketch.safetensors"), tensors(plain))
  await writeFile(join(folder, "dora.safetensors"), tensors([...plain, `${module}.dora_scale`]))
  await writeFile(join(folder, "old.pt"), "PK")
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const picture = (text: string) => {
  const { prompt, tags } = tagsOf(text, false)
  const recipe = createRecipe({ prompt, seed: 1, width: 64, height: 64, model: { checkpoint: { path: "tiny" } } })
  return { recipe, tags, written: text, fileName: null, clipPrompt: null }
}
const find = (...texts: readonly string[]) => findNamedLoras(texts.map(picture), [folder])

describe("findNamedLoras", () => {
  it("finds files by name, in folders below, with or without the ending, in any case", async () => {
    const { pictures, notices } = await find("a <lora:wash:0.5>", "b", `c <lora:styles/ink.safetensors:1:2>`)
    expect(pictures.map(({ recipe }) => recipe.loras.map(({ file, strength }) => [file.path, strength]))).toEqual([
      [[join(folder, "styles", "Wash.safetensors"), 0.5]],
      [],
      [[join(folder, "styles", "ink.safetensors"), 2]],
    ])
    expect(notices).toEqual([])
  })

  it("takes a path as it is", async () => {
    const path = join(folder, "ink.safetensors")
    const { pictures } = await findNamedLoras([picture(`a <lora:${path}:1>`)], [])
    expect(pictures[0]?.recipe.loras[0]?.file.path).toBe(path)
  })

  it("downloads what is an address or a name on the Hub, after the folders", async () => {
    const asked: string[] = []
    const toLocal = async (name: string) => {
      asked.push(name)
      if (name === "owner/none") throw new InputError("offline", "there is no such file.")
      return name.includes("/") ? join(folder, "ink.safetensors") : name
    }
    const found = (text: string) => findNamedLoras([picture(text)], [folder], toLocal)
    for (const name of ["owner/name", "owner/name@v1:ink.safetensors", "https://example.org/ink.safetensors"]) {
      const { pictures } = await found(`a <lora:${name}:0.8> <lora:styles/wash>`)
      expect(pictures[0]?.recipe.loras).toMatchObject([
        { file: { path: join(folder, "ink.safetensors") }, strength: 0.8 },
        { file: { path: join(folder, "styles", "Wash.safetensors") } },
      ])
    }
    expect(asked).toEqual(["owner/name", "owner/name@v1:ink.safetensors", "https://example.org/ink.safetensors"])
    await expect(found("<lora:owner/none> <lora:nothing-like-it>")).rejects.toThrow(
      /: "owner\/none".*, nor on the Hub: there is no such file; "nothing-like-it"\. Give/,
    )
  })

  it("prefers the file nearest to the folder, and counts a file once though folders lie in each other", async () => {
    const { pictures, notices } = await findNamedLoras(
      [picture("a <lora:wash> <lora:sketch>")],
      [folder, join(folder, "styles"), `${folder}/./styles`],
    )
    expect(pictures[0]?.recipe.loras).toMatchObject([
      { file: { path: join(folder, "styles", "Wash.safetensors") } },
      { file: { path: join(folder, "sketch.safetensors") } },
    ])
    expect(notices).toEqual([`2 files are named "sketch". "${join(folder, "sketch.safetensors")}" is used.`])
  })

  it("says which of two files of one name is used", async () => {
    const { notices } = await find("a <lora:ink>")
    expect(notices).toEqual([`2 files are named "ink". "${join(folder, "ink.safetensors")}" is used.`])
  })

  it("lists all names without a file at once", async () => {
    await expect(find("a <lora:inc>", "b <lora:old> <lora:nothing-like-it>")).rejects.toThrow(
      /"inc" \(did you mean "ink"\?\); "old" is only ".*old.pt", a pickle.*; "nothing-like-it"\. Give their folder with --lora_dir or --models_dir\.$/,
    )
    await expect(findNamedLoras([picture("<lora:a>")], [])).rejects.toThrow(
      'prompts name LoRAs whose files are not found: "a". Give their folder with --lora_dir',
    )
    await expect(findNamedLoras([picture("<lora:a>")], [join(folder, "no")])).rejects.toThrow("cannot be listed")
  })

  it("refuses a file that is not a LoRA", async () => {
    await writeFile(join(folder, "styles", "broken.safetensors"), "no header")
    await expect(find("<lora:broken>")).rejects.toMatchObject({ name: "FormatError" })
  })
})

describe("readLoraOptions", () => {
  const read = (more: Record<string, unknown>) =>
    readLoraOptions(readRecord(GENERATE_OPTIONS, { ckpt: "tiny", prompt: "a", outdir: "out", ...more }))
  const ink = (): string => join(folder, "ink.safetensors")

  it("keeps LoRAs beside the layers, and merges those that are asked for", async () => {
    const files = [ink(), ink(), ink()]
    expect((await read({ network_weights: files })).live.length).toBe(3)
    expect((await read({ network_weights: files, network_merge: true })).merged.length).toBe(3)
    const some = await read({ network_weights: files, network_merge_n_models: "1", network_mul: ["1", "2", "3"] })
    expect(some.merged.map(({ strength }) => strength)).toEqual([1])
    expect(some.live.map(({ strength }) => strength)).toEqual([2, 3])
  })

  it("keeps a DoRA beside the layers", async () => {
    const { merged, live } = await read({ network_weights: [join(folder, "dora.safetensors"), ink()] })
    expect([merged.length, live.length]).toEqual([0, 2])
  })

  it("reads arguments of each LoRA", async () => {
    const { live } = await read({ network_weights: [ink(), ink()], network_args: ["te=0;unet=0.5", "lbw=OUTALL"] })
    expect(live).toMatchObject([
      { strength: 0.5, textStrength: 0 },
      { strength: 1, blocks: { M00: 0, OUT03: 1 } },
    ])
    await expect(read({ network_weights: [ink()], network_args: ["dim=4"] })).rejects.toThrow('has "dim=4", expected')
    await expect(read({ network_weights: [ink()], network_args: ["lbw=NOPE"] })).rejects.toThrow(
      /^--network_args has lbw=NOPE: block weights are "NOPE", expected 12, 17/,
    )
  })
})
