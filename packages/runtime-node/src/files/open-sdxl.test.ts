import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { joinedParts } from "@lllite/core/models"
import type { FloatDtype } from "@lllite/format"
import { openSafetensors, toFloat32 } from "@lllite/format"
import { serializeSafetensors } from "@lllite/format/write"
import "@tensorflow/tfjs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type LayoutTensor, type LayoutTensors, toDiffusers } from "../../../core/test/diffusers-layout.ts"
import { openSdxl, type SdxlPaths } from "./open-sdxl.ts"

let root = ""
const at = (...names: readonly string[]): string => join(root, ...names)

async function write(path: string, tensors: LayoutTensors): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), serializeSafetensors(new Map(tensors)))
}

/** The same tensors in two files and an index. */
async function writeSharded(path: string, tensors: LayoutTensors): Promise<void> {
  const stem = path.replace(/\.safetensors$/, "")
  const list = [...tensors]
  const map: Record<string, string> = {}
  for (const [i, part] of [list.slice(0, 40), list.slice(40)].entries()) {
    const name = `${stem}-0000${i + 1}-of-00002.safetensors`
    await write(name, new Map(part))
    for (const [tensor] of part) map[tensor] = name.slice(name.lastIndexOf("/") + 1)
  }
  await writeFile(at(`${path}.index.json`), JSON.stringify({ metadata: {}, weight_map: map }))
}

/** Name, type and shape of every tensor of an opened SDXL. Values are read, so that every file is read. */
async function contents(paths: SdxlPaths): Promise<Map<string, string>> {
  const { files, close } = await openSdxl(paths)
  const found = new Map<string, string>()
  for (const [name, { dtype, shape, read }] of joinedParts(files).entries) {
    found.set(name, `${dtype} [${shape}] ${Buffer.from(await read()).toString("latin1")}`)
  }
  await close()
  return found
}

const without = (tensors: LayoutTensors, prefix: string): Map<string, LayoutTensor> =>
  new Map(
    [...tensors].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
  )

describe("openSdxl", () => {
  let tiny: LayoutTensors
  let wanted: Map<string, string>

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "lllite-sdxl-"))
    const path = createRequire(import.meta.url).resolve("@lllite/tiny/tiny-sdxl.safetensors")
    const file = await openSafetensors(await readFile(path))
    const list = [...file.tensors].map(
      async ([name, { dtype, shape }]) => [name, { dtype, shape, bytes: await file.read(name) }] as const,
    )
    tiny = new Map(await Promise.all(list))
    const { unet, vae, text_encoder: text1, text_encoder_2: text2 } = toDiffusers(tiny)
    await writeSharded("folder/unet/diffusion_pytorch_model.safetensors", unet)
    await write("folder/vae/diffusion_pytorch_model.fp16.safetensors", vae)
    await write("folder/text_encoder/model.safetensors", text1)
    await write("folder/text_encoder_2/model.safetensors", text2)
    await write("vae.safetensors", without(tiny, "first_stage_model."))
    await write("unet.safetensors", without(tiny, "model.diffusion_model."))
    await write(
      "lora.safetensors",
      new Map([["lora_unet_x.lora_down.weight", { dtype: "F32", shape: [1], bytes: new Uint8Array(4) }]]),
    )
    wanted = await contents({ checkpoint: "tiny" })
    // open_clip keeps the scale of its training loss. transformers has no such tensor.
    wanted.delete("conditioner.embedders.1.model.logit_scale")
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  const expectSame = (found: Map<string, string>): void => {
    expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort())
    expect([...found].filter(([name, what]) => wanted.get(name) !== what).map(([name]) => name)).toEqual([])
  }

  it("reads a diffusers folder, with an index and a float16 variant in it", async () => {
    expect(wanted.size).toBeGreaterThan(800)
    expectSame(await contents({ checkpoint: at("folder") }))
  })

  it("takes a U-Net and a VAE from separate files, from other checkpoints and from folders", async () => {
    const both = await contents({ checkpoint: "tiny", unet: at("unet.safetensors"), vae: at("vae.safetensors") })
    both.delete("conditioner.embedders.1.model.logit_scale")
    expectSame(both)
    expectSame(await contents({ checkpoint: at("folder"), vae: at("folder", "vae"), unet: at("folder") }))
    const other = new Map(tiny)
    const name = "first_stage_model.decoder.conv_out.bias"
    const { bytes, ...rest } = tiny.get(name) as LayoutTensor
    other.set(name, { ...rest, bytes: bytes.map((byte) => byte ^ 1) })
    await write("other.safetensors", other)
    const found = await contents({ checkpoint: "tiny", vae: at("other.safetensors") })
    expect([...wanted].filter(([key, what]) => found.get(key) !== what).map(([key]) => key)).toEqual([name])
  })

  it.each([
    [
      { checkpoint: "unet.safetensors" },
      /this is an SDXL U-Net \(original names\)\. Give a checkpoint, and this file as its U-Net\./,
    ],
    [{ checkpoint: "vae.safetensors" }, /this is a VAE .*and this file as its VAE\./],
    [{ checkpoint: "folder", vae: "lora.safetensors" }, /lora\.safetensors.*expected a VAE, this is a LoRA/],
    [{ checkpoint: "folder", unet: "vae.safetensors" }, /vae\.safetensors.*expected an SDXL U-Net, this is a VAE/],
    [
      { checkpoint: "folder", vae: "folder/text_encoder" },
      /text_encoder" has no VAE: expected "vae.diffusion_pytorch_model\.safetensors" in it/,
    ],
    [{ checkpoint: "nowhere.safetensors" }, /nowhere\.safetensors": there is no such file/],
  ])("refuses %j", async (paths, message) => {
    const full = Object.fromEntries(Object.entries(paths).map(([key, name]) => [key, at(name)])) as unknown as SdxlPaths
    await expect(openSdxl(full)).rejects.toThrow(message)
  })

  it("hears what a folder says of its noise schedule", async () => {
    await mkdir(at("folder", "scheduler"), { recursive: true })
    const path = at("folder", "scheduler", "scheduler_config.json")
    const traits = async (paths: SdxlPaths) => {
      const { files, close } = await openSdxl(paths)
      await close()
      return files.unet.traits
    }
    await writeFile(path, JSON.stringify({ prediction_type: "v_prediction", rescale_betas_zero_snr: true }))
    expect(await traits({ checkpoint: at("folder") })).toMatchObject({ prediction: "v", zeroTerminalSnr: true })
    // Another U-Net has another schedule.
    expect(await traits({ checkpoint: at("folder"), unet: at("unet.safetensors") })).toMatchObject({ prediction: null })
    await writeFile(path, "{")
    await expect(openSdxl({ checkpoint: at("folder") })).rejects.toThrow(/scheduler_config\.json" is not valid JSON/)
    await rm(at("folder", "scheduler"), { recursive: true })
  })

  it.each([
    ["FluxPipeline", /is a folder of FluxPipeline, expected StableDiffusionXLPipeline\. LLLite is for SDXL/],
    ["StableDiffusionXLInstructPix2PixPipeline", /is a folder of StableDiffusionXLInstruct.*, .* for text to image/],
    ["StableDiffusionXLInpaintPipeline", null],
    ["StableDiffusionXLPipeline", null],
  ])("takes a folder of %s by its name", async (name, message) => {
    await writeFile(at("folder", "model_index.json"), JSON.stringify({ _class_name: name, unet: ["diffusers", "x"] }))
    const opening = openSdxl({ checkpoint: at("folder") })
    if (message === null) await (await opening).close()
    else await expect(opening).rejects.toThrow(message)
    await rm(at("folder", "model_index.json"))
  })

  it("says that a folder has only a pickle", async () => {
    await mkdir(at("old"))
    await writeFile(at("old", "diffusion_pytorch_model.bin"), "x")
    await expect(openSdxl({ checkpoint: "tiny", vae: at("old") })).rejects.toThrow(/\.bin" is a pickle/)
  })

  describe("with LoRAs", () => {
    const KEY = "lora_unet_input_blocks_4_1_proj_in"
    const WEIGHT = "model.diffusion_model.input_blocks.4.1.proj_in.weight"
    const floats = (shape: readonly number[], value: number): LayoutTensor => {
      const values = new Float32Array(shape.reduce((product, side) => product * side, 1)).fill(value)
      return { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) }
    }
    const weightsOf = async (paths: SdxlPaths): Promise<Float32Array> => {
      const { files, close } = await openSdxl(paths)
      const entry = files.unet.entries.get(WEIGHT)
      const values = entry === undefined ? new Float32Array() : toFloat32(await entry.read(), entry.dtype as FloatDtype)
      await close()
      return values
    }
    let width = 0

    beforeAll(async () => {
      width = tiny.get(WEIGHT)?.shape[0] ?? 0
      const tensors = new Map([
        [`${KEY}.lora_down.weight`, floats([2, width], 0.5)],
        [`${KEY}.lora_up.weight`, floats([width, 2], 0.25)],
        [`${KEY}.alpha`, floats([], 1)],
        ["lora_unet_input_blocks_99_1_proj_in.lora_up.weight", floats([2, 2], 1)],
      ])
      await write("lora.safetensors", tensors)
      await write(
        "sd15.safetensors",
        new Map([["lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", floats([2, 2], 1)]]),
      )
    })

    it("adds them to the weights, in the checkpoint's dtype, and names what it does not use", async () => {
      const lora = { source: at("lora.safetensors"), strength: 0.5 }
      const plain = await weightsOf({ checkpoint: "tiny" })
      const merged = await weightsOf({ checkpoint: "tiny", loras: [lora, lora] })
      // Two times 0.5 · alpha / rank · (2 · 0.5 · 0.25)
      const change = merged.map((value, i) => value - (plain[i] as number))
      expect(Math.max(...change.map((value) => Math.abs(value - 0.125)))).toBeLessThan(2e-3)
      const { notices, close } = await openSdxl({ checkpoint: "tiny", loras: [lora] })
      await close()
      expect(notices).toHaveLength(1)
      expect(notices[0]).toContain(
        'lora.safetensors: 1 tensor fits no layer and is not used, first "lora_unet_input_blocks_99_1_proj_in.lora_up.weight".',
      )
    })

    it("leaves every weight at a strength of 0, and text alone at its own strength", async () => {
      const source = at("lora.safetensors")
      expect(await contents({ checkpoint: "tiny", loras: [{ source, strength: 0, textStrength: 1 }] })).toEqual(
        await contents({ checkpoint: "tiny" }),
      )
    })

    it("refuses files that are not a LoRA for SDXL, and strengths that are not numbers", async () => {
      const open = (loras: SdxlPaths["loras"]): Promise<unknown> =>
        openSdxl({ checkpoint: "tiny", ...(loras === undefined ? {} : { loras }) })
      await expect(open([{ source: at("sd15.safetensors") }])).rejects.toThrow(/LoRA/)
      await expect(open([{ source: at("missing.safetensors") }])).rejects.toThrow("missing.safetensors")
      await expect(open([{ source: at("lora.safetensors"), strength: Number.NaN }])).rejects.toThrow(/strength is NaN/)
    })
  })
})
