import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, describe, expect, it } from "vitest"
import { readRecord } from "../../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "../options.ts"
import { checkGenerateOptions, planOf, readGenerateSettings } from "../settings.ts"
import { examineSource, filledReader } from "./examine-source.ts"
import { saveWorkflow } from "./save-workflow.ts"

const folder = mkdtempSync(join(tmpdir(), "lllite-source-"))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, text = ""): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const [lllite, guide, other] = [file("a.safetensors"), file("guide.png"), file("b.safetensors")]
const node = (class_type: string, inputs: object) => ({ class_type, inputs })
const graph = (sampler: object = {}, text = "a {red|blue} star --n x") => ({
  1: node("CheckpointLoaderSimple", { ckpt_name: "xl.safetensors" }),
  2: node("LLLiteLoader", { model: ["1", 0], model_name: "a.safetensors", cond_image: ["3", 0], strength: 0.5 }),
  3: node("LoadImage", { image: "guide.png" }),
  4: node("CLIPTextEncodeSDXL", {
    ...{ clip: ["1", 1], text_g: text, text_l: text, crop_w: 0, crop_h: 8 },
    ...{ width: 1024, height: 512, target_width: 640, target_height: 512 },
  }),
  5: node("EmptyLatentImage", { width: 1024, height: 512, batch_size: 1 }),
  6: node("KSampler", {
    ...{ model: ["2", 0], positive: ["4", 0], negative: ["4", 0], latent_image: ["5", 0], denoise: 1 },
    ...{ seed: 7, steps: 12, cfg: 3, sampler_name: "euler_ancestral", scheduler: "karras", ...sampler },
  }),
  7: node("VAEDecode", { samples: ["6", 0], vae: ["1", 2] }),
  8: node("SaveImage", { images: ["7", 0] }),
})

const read = async (more: Record<string, unknown> = {}, json: unknown = graph()) => {
  const workflow = file("w.json", JSON.stringify(json))
  const reader = readRecord(GENERATE_OPTIONS, { workflow, outdir: "out", models_dir: folder, ...more })
  const source = await examineSource(reader)
  const [first] = source?.recipes ?? []
  if (first === undefined) return readGenerateSettings(reader, [])
  const filled = filledReader(reader, first)
  checkGenerateOptions(filled)
  const isLiteral = more.prompt === undefined
  const prompts = [{ text: filled.settings.prompt ?? "", where: "x", isLiteral, hasGroups: first.hasGroups }]
  return readGenerateSettings(reader, await planOf(filled, prompts, undefined, first.recipe), source?.notices)
}
const recipe = async (more?: Record<string, unknown>, json?: unknown) => (await read(more, json)).pictures[0]?.recipe

describe("a workflow with options", () => {
  it("is a recipe with the files that were found, and its prompt is not a line of options", async () => {
    expect(await recipe({ ckpt: "tiny" })).toMatchObject({
      ...{ prompt: "a {red|blue} star --n x", width: 1024, height: 512, seed: 7, noise: "comfyui", steps: 12 },
      ...{ sampler: "euler_a", spacing: "karras", guidanceScale: 3, combine: "chain-comfyui" },
      size: { original: [512, 1024], crop: [8, 0], target: [512, 640] },
      model: { checkpoint: { path: "tiny" } },
      adapters: [{ file: { path: lllite }, control: { file: { path: guide } }, strength: 0.5 }],
    })
  })

  it("gives way to every option that is given, also where its value is the default", async () => {
    const options = { ckpt: "tiny", steps: "20", scale: "7.5", seed: "9", sampler: "euler", negative_prompt: "bad" }
    expect(await recipe(options)).toMatchObject({
      ...{ steps: 20, guidanceScale: 7.5, seed: 9, sampler: "euler", spacing: "linspace", negativePrompt: "bad" },
      noise: "comfyui",
    })
    const lllites = { control_net_lllite_models: other, guide_image_path: "p.png", control_net_multipliers: "2" }
    expect((await recipe({ ckpt: "tiny", ...lllites }))?.adapters).toMatchObject([
      { file: { path: other }, control: { file: { path: "p.png" } }, strength: 2 },
    ])
    expect((await recipe({ ckpt: "tiny", control_net_multipliers: "2" }))?.adapters).toMatchObject([
      { file: { path: lllite }, control: { file: { path: guide } }, strength: 2 },
    ])
  })

  it("keeps its shape where one side is given, and a condition on the size follows", async () => {
    expect(await recipe({ ckpt: "tiny", W: "256" })).toMatchObject({
      ...{ width: 256, height: 128, size: { original: [128, 256], crop: [8, 0], target: [512, 640] } },
    })
    expect(await recipe({ ckpt: "tiny", H: "64" })).toMatchObject({ width: 128, height: 64 })
    expect(await recipe({ ckpt: "tiny", H: "64", W: "64" })).toMatchObject({ width: 64, height: 64 })
  })

  it("takes a prompt of the command with the options of its line", async () => {
    expect(await recipe({ ckpt: "tiny", prompt: "a cat --n dog --s 3" })).toMatchObject({
      ...{ prompt: "a cat", negativePrompt: "dog", steps: 3 },
    })
  })

  it("makes several pictures with the next seeds", async () => {
    const { pictures } = await read({ ckpt: "tiny", images_per_prompt: "3" })
    expect(pictures.map((picture) => picture.recipe.seed)).toEqual([7, 8, 9])
  })

  it("names all files that are missing, and the option for each", async () => {
    const json = { ...graph(), 3: node("LoadImage", { image: "gone.png" }) }
    await expect(read({}, json)).rejects.toThrow(
      /2 problems:\n {2}- the checkpoint "xl.safetensors" is not in .*--ckpt, or its folder with --models_dir\n {2}- the control picture "gone.png" is not in .*--guide_image_path/,
    )
  })

  it("is read from the text of a picture, whose prompt may name LoRAs", async () => {
    const parameters =
      "a star <lora:b:0.5>\nNegative prompt: bad\nSteps: 4, Sampler: Euler a, Schedule type: Karras, CFG scale: 2, Seed: 5, Size: 64x96, Model: xl, RNG: CPU, Tiling: True"
    const path = join(folder, "a1111.png")
    await writePng(path, blankImage(8, 8, [0, 0, 0]), new Map([["parameters", parameters]]))
    const reader = readRecord(GENERATE_OPTIONS, { from: path, outdir: "out", ckpt: "tiny", models_dir: folder })
    const source = await examineSource(reader)
    expect(source?.notices).toEqual(["Of the picture's text, this is not followed: Tiling."])
    expect(source?.recipes).toMatchObject([
      {
        ...{ hasTags: true, hasGroups: false, loraFolders: [folder] },
        recipe: { prompt: "a star <lora:b:0.5>", width: 64, height: 96, sampler: "euler_a", noise: "torch-cpu" },
      },
    ])
  })

  it("is named where its contents cannot be read", async () => {
    const from = join(folder, "plain.png")
    await writePng(from, blankImage(8, 8, [0, 0, 0]))
    await expect(read({ workflow: undefined, from })).rejects.toThrow(/plain\.png": .*no "prompt"/)
    await expect(read({ workflow: undefined, from: file("not.png", "x") })).rejects.toThrow(/not\.png": .*not a PNG/)
    await expect(read({ workflow: file("bad.json", "{bad") })).rejects.toThrow(/bad\.json": workflow: it is not JSON/)
  })

  it("is written for ComfyUI in both forms, and read again", async () => {
    const recipes = (await read({ ckpt: "tiny" })).pictures.map(({ recipe: each }) => each)
    for (const name of ["saved.json", "saved.api.json"]) {
      const said: string[] = []
      const reporter = {
        say: (_: string, __: unknown, text: string) => void said.push(text),
        progress: () => {},
        close: () => {},
      }
      await saveWorkflow(join(folder, name), recipes, reporter)
      expect(said).toEqual([join(folder, name)])
      const again = await examineSource(
        readRecord(GENERATE_OPTIONS, { workflow: join(folder, name), outdir: "out", models_dir: folder }),
      )
      expect(again?.recipes[0]?.recipe).toMatchObject({ steps: 12, sampler: "euler_a", adapters: [{ strength: 0.5 }] })
    }
  })

  it("is refused with what cannot be followed, and beside --from", async () => {
    await expect(read({}, graph({ denoise: 0.5 }))).rejects.toThrow(
      "KSampler #6 runs a part of its steps on empty latents",
    )
    await expect(read({ from: "a.png", ckpt: "tiny" })).rejects.toThrow("--workflow and --from are both given")
  })
})

describe("a workflow that names files by addresses", () => {
  const named = (name: string) => ({ ...graph(), 1: node("CheckpointLoaderSimple", { ckpt_name: name }) })
  const downloads = async (name: string, more: Record<string, unknown> = {}) => {
    const asked: string[] = []
    const workflow = file("remote.json", JSON.stringify(named(name)))
    const reader = readRecord(GENERATE_OPTIONS, { workflow, outdir: "out", models_dir: folder, ...more })
    const source = await examineSource(reader, async (text) => {
      asked.push(text)
      return join(folder, "cached.safetensors")
    }).catch(() => null)
    return { asked, path: source?.recipes[0]?.recipe.model.checkpoint.path }
  }

  it.each(["https://example.com/xl.safetensors", "hf:owner/name", "owner/name@main:xl.safetensors"])(
    "downloads %s",
    async (name) => {
      expect(await downloads(name)).toEqual({ asked: [name], path: join(folder, "cached.safetensors") })
    },
  )

  it("downloads nothing for a name in a folder, or where an option names the file", async () => {
    expect((await downloads("sdxl/xl.safetensors")).asked).toEqual([])
    expect((await downloads("owner/name")).asked).toEqual([])
    expect((await downloads("hf:owner/name", { ckpt: "tiny" })).asked).toEqual([])
  })
})

describe("a file of another kind", () => {
  const problemOf = async (options: Record<string, unknown>) => {
    const reader = readRecord(GENERATE_OPTIONS, { outdir: "out", ...options })
    const source = await examineSource(reader).catch((error: unknown) => error)
    return source instanceof Error ? source.message : String(readProblem(reader))
  }
  const readProblem = (reader: { finish(): unknown }): unknown => {
    try {
      return reader.finish()
    } catch (error) {
      return error
    }
  }

  it("is refused with the option that takes it", async () => {
    expect(await problemOf({ from: file("w.json", "{}") })).toMatch(
      /is not a PNG\. Give a workflow of ComfyUI with --workflow/,
    )
  })

  it("is a workflow where a PNG has one beside a prompt in plain text", async () => {
    const path = join(folder, "ours.png")
    const text = new Map([
      ["prompt", "a red ring"],
      ["workflow", JSON.stringify(graph())],
    ])
    await writePng(path, blankImage(8, 8, [0, 0, 0]), text)
    const reader = readRecord(GENERATE_OPTIONS, { workflow: path, ckpt: "tiny", outdir: "out", models_dir: folder })
    expect((await examineSource(reader))?.recipes).toHaveLength(1)
  })
})
