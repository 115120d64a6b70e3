import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { encodePng } from "@lllite/runtime-node"
import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "./options.ts"
import { checkGenerateOptions, planOf, readGenerateSettings } from "./settings.ts"
import { readUnsharp } from "./stage-options.ts"
import type { StartFile } from "./start-files.ts"
import { contentNotices, readStartFiles, startNotices, strengthNotices } from "./start-files.ts"

const least = { ckpt: "tiny", prompt: "a red star", outdir: "out", seed: "1" }
const START: StartFile = { image: "a/cat.jpg", mask: null, width: 70, height: 45 }

async function read(more: Record<string, unknown> = {}, starts: readonly StartFile[] = []) {
  const reader = readRecord(GENERATE_OPTIONS, { ...least, ...more })
  checkGenerateOptions(reader)
  const source = { text: reader.settings.prompt ?? "", where: "--prompt" }
  const planned = await planOf(reader, [source], { merged: [], live: [], textualInversions: [] }, null, [], starts)
  return readGenerateSettings(reader, planned).pictures
}
const recipeOf = async (...given: Parameters<typeof read>) => (await read(...given))[0]?.recipe

describe("options of starts and stages", () => {
  it("start from pictures in turn, which give sizes that are multiples of 32", async () => {
    const other = { ...START, image: "b.png", mask: "m.png", width: 128, height: 96 }
    const pictures = await read({ image_path: "a", images_per_prompt: "3" }, [START, other])
    expect(pictures.map(({ recipe }) => [recipe.start?.image.path, recipe.width, recipe.height])).toEqual([
      ["a/cat.jpg", 64, 32],
      ["b.png", 128, 96],
      ["a/cat.jpg", 64, 32],
    ])
    expect(pictures[1]?.recipe.start).toEqual({
      ...{ image: { path: "b.png" }, mask: { path: "m.png" }, strength: 0.8, compat: null, stepsOffset: 0 },
    })
    expect(await recipeOf({ image_path: "a", W: "256" }, [START])).toMatchObject({ width: 256, height: 256 })
  })

  it("name pictures as their start pictures, and say which are not used", async () => {
    const [picture] = await read({ image_path: "a", use_original_file_name: true }, [START])
    expect(picture?.fileName).toBe("cat.png")
    expect(startNotices([START, START, START], 2)).toEqual([expect.stringContaining("2 of 3 start pictures are used")])
  })

  it("say that a strength has no effect without a stage that it changes", async () => {
    const notices = async (...given: Parameters<typeof read>): Promise<readonly string[]> =>
      strengthNotices(
        (await read(...given)).map(({ recipe }) => recipe),
        "--strength",
      )
    expect(await notices({ strength: "0.5" })).toEqual([
      "--strength has no effect without a start picture or hires fix.",
    ])
    expect(await notices({ strength: "0.5", image_path: "a" }, [START])).toEqual([])
    expect(await notices({ strength: "0.5", highres_fix_scale: "0.5" })).toEqual([])
  })

  it("say that a masked content has no effect without a mask", async () => {
    const notices = async (...given: Parameters<typeof read>): Promise<readonly string[]> =>
      contentNotices(
        (await read(...given)).map(({ recipe }) => recipe),
        "--masked_content",
      )
    const given = { image_path: "a", masked_content: "fill" }
    expect(await notices(given, [START])).toEqual([
      "--masked_content has no effect without a start picture with a mask.",
    ])
    const masked = { ...START, mask: "mask.png" }
    expect(await notices(given, [masked])).toEqual([])
    expect((await recipeOf(given, [masked]))?.start).toMatchObject({ maskedContent: "fill" })
  })

  it("copy sd-scripts' start where that is asked", async () => {
    const copied = { image_path: "a", compat: "sd-scripts" }
    expect((await recipeOf(copied, [START]))?.start).toMatchObject({ compat: "sd-scripts", stepsOffset: 1 })
    const zero = { ...copied, force_scheduler_zero_steps_offset: true }
    expect((await recipeOf(zero, [START]))?.start).toMatchObject({ compat: "sd-scripts", stepsOffset: 0 })
  })

  it("give both stages of hires fix their strengths", async () => {
    const hires = { highres_fix_scale: "0.5", W: "256", strength: "0.6" }
    expect((await recipeOf(hires))?.hires).toEqual({
      ...{ scale: 0.5, steps: 28, strength: 0.6, upscaler: "lanczos", control: true, compat: null, stepsOffset: 0 },
    })
    const both = await recipeOf({ ...hires, image_path: "a", highres_fix_strength: "0.3" }, [START])
    expect([both?.start?.strength, both?.hires?.strength]).toEqual([0.3, 0.6])
    const line = await recipeOf({ ...hires, prompt: "a --t 0.9", image_path: "a" }, [START])
    expect([line?.start?.strength, line?.hires?.strength]).toEqual([0.9, 0.9])
    const latents = await recipeOf({ ...hires, highres_fix_latents_upscaling: true })
    expect(latents?.hires?.upscaler).toBe("latents-bicubic")
  })

  it("read Deep Shrink and gradual latent, of the command and of lines", async () => {
    const two = { ds_depth_1: "2", ds_timesteps_1: "800", ds_depth_2: "4", ds_timesteps_2: "500", ds_ratio: "0.4" }
    expect((await recipeOf(two))?.deepShrink).toEqual({
      levels: [
        { depth: 2, timestep: 800 },
        { depth: 4, timestep: 500 },
      ],
      ratio: 0.4,
    })
    expect((await recipeOf({ prompt: "a --dsr 0.25" }))?.deepShrink).toEqual({
      levels: [{ depth: 3, timestep: 650 }],
      ratio: 0.25,
    })
    const gradual = {
      sampler: "euler_a",
      gradual_latent_timesteps: "750",
      gradual_latent_unsharp_params: "3,0.5,0.5,0",
    }
    expect((await recipeOf({ ...gradual, prompt: "a --gle 2" }))?.gradualLatent).toEqual({
      ...{ timestep: 750, ratio: 0.5, ratioStep: 0.125, everySteps: 2, sNoise: 1 },
      unsharp: { kernel: 3, sigma: 0.5, strength: 0.5, target: "start" },
    })
    expect(readUnsharp("4,1,1")).toHaveProperty("expected")
  })

  it("read tiles, with names of other programs, and none by default", async () => {
    expect((await recipeOf({}))?.tiles).toBeNull()
    expect((await recipeOf({ tile: "0" }))?.tiles).toBeNull()
    expect((await recipeOf({ tile: "128" }))?.tiles).toEqual({ size: 128, overlap: 16 })
    expect((await recipeOf({ tile_width: "128", tile_overlap: "64" }))?.tiles).toEqual({ size: 128, overlap: 64 })
  })

  it("condition the negative prompt on a size of its own", async () => {
    const recipe = await recipeOf({ original_width_negative: "64", prompt: "a --nh 96" })
    expect(recipe?.negativeSize.original).toEqual([96, 64])
    expect(recipe?.size.original).toEqual([128, 128])
  })

  it.each([
    [{ strength: "1.5", image_path: "a" }, /--strength is 1.5, expected a number from 0 to 1/],
    [{ prompt: "a --t 0.5" }, /--t has no effect without a start picture or hires fix/],
    [{ highres_fix_steps: "3" }, /--highres_fix_steps has no effect without --highres_fix_scale/],
    [{ highres_fix_scale: "0.2" }, /hires\.scale is 0\.2, expected a scale with which 128×128 px keeps sides of 32 px/],
    [{ highres_fix_scale: "0.5", highres_fix_upscaler: "tools.latent_upscaler" }, /modules of Python cannot be run/],
    [{ ds_ratio: "0.3" }, /--ds_ratio has no effect without --ds_depth_1/],
    [{ ds_depth_1: "2", ds_depth_2: "4" }, /--ds_timesteps_2 is 650 and --ds_timesteps_1 650, expected less/],
    [{ gradual_latent_timesteps: "650" }, /--gradual_latent_timesteps needs the sampler euler_a, got euler/],
    [{ tile: "100" }, /--tile is 100, expected a multiple of 32. The nearest is 96/],
    [{ tile_overlap: "16" }, /--tile_overlap has no effect without --tile/],
    [{ tile: "128", tile_overlap: "96" }, /--tile_overlap is 96 and --tile 128, expected at most half of it/],
    [
      { tile: "128", sampler: "euler_a", gradual_latent_timesteps: "650" },
      /--gradual_latent_timesteps and --tile exclude each other/,
    ],
    [{ vae_tile: "16" }, /--vae_tile is 16, expected a whole number from 64/],
    [{ clip_vision_strength: "1" }, /there is no CLIP vision model here/],
  ])("are refused where they cannot be followed: %j", async (more, message) => {
    await expect(read(more)).rejects.toThrow(message)
  })
})

describe("folders of start pictures and masks", () => {
  const folder = mkdtempSync(join(tmpdir(), "lllite-starts-"))
  const write = async (name: string): Promise<string> => {
    const path = join(folder, name)
    writeFileSync(path, await encodePng({ width: 2, height: 1, data: new Uint8Array(6) }))
    return path
  }

  it("are paired by name, and a mask that is missing is named", async () => {
    const images = mkdtempSync(join(folder, "images-"))
    const masks = mkdtempSync(join(folder, "masks-"))
    const within = (parent: string, name: string): Promise<string> => write(join(parent.slice(folder.length), name))
    const [a, b] = [await within(images, "a.png"), await within(images, "b.png")]
    const mask = await within(masks, "b.png")
    await expect(readStartFiles(images, masks)).rejects.toThrow(/has no mask for "a\.png"/)
    const other = await within(masks, "a.png")
    expect(await readStartFiles(images, masks)).toEqual([
      { image: a, mask: other, width: 2, height: 1 },
      { image: b, mask, width: 2, height: 1 },
    ])
    expect((await readStartFiles(images, mask)).map((each) => each.mask)).toEqual([mask, mask])
  })
})
