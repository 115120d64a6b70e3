import { describe, expect, it } from "vitest"
import { API_WORKFLOW, apiWorkflow } from "../../test/workflow.ts"
import { createRecipe } from "../recipe/read-recipe.ts"
import { readWorkflow } from "./read-workflow.ts"

const SIZES = { sizeOf: (name: string) => (name === "photo.png" ? { width: 200, height: 101 } : null) }
const one = (changes: Parameters<typeof apiWorkflow>[0]) => readWorkflow(apiWorkflow(changes), SIZES).recipes[0]
const photo = { class_type: "LoadImage", inputs: { image: "photo.png" } }
const sampler = API_WORKFLOW[3]?.inputs
/** A second sampler whose picture is saved. */
const second = (changes: object) => ({
  21: { class_type: "KSampler", inputs: { ...sampler, latent_image: ["20", 0], denoise: 0.5, ...changes } },
  8: { inputs: { samples: ["21", 0] } },
})

describe("a run that starts from a picture", () => {
  it("has its size in whole latents, and ComfyUI's number of steps", () => {
    const encode = { class_type: "VAEEncode", inputs: { pixels: ["12", 0], vae: ["4", 2] } }
    const recipe = one({ 12: photo, 5: encode, 3: { inputs: { denoise: 0.3, steps: 4 } } })
    expect(recipe).toMatchObject({
      ...{ width: 200, height: 96, steps: 13 },
      start: { image: { path: "photo.png" }, strength: 4 / 13 },
    })
    const scale = { class_type: "ImageScaleBy", inputs: { image: ["12", 0], upscale_method: "area", scale_by: 2 } }
    const scaled = one({ 12: photo, 13: scale, 5: { ...encode, inputs: { ...encode.inputs, pixels: ["13", 0] } } })
    expect(scaled).toMatchObject({ width: 400, height: 200, start: { strength: 1 } })
  })

  it.each([
    // Of a picture of 200 × 101 px. A side of 0 follows the other one.
    ["ImageScale", { width: 0, height: 202, crop: "disabled" }, 400, 200],
    ["ImageScale", { width: 400, height: 0, crop: "disabled" }, 400, 200],
    ["ImageScale", { width: 96, height: 200, crop: "disabled" }, 96, 200],
    ["ImageScale", { width: 0, height: 0, crop: "disabled" }, 200, 96],
    // 1024² · 0.25 pixels: √(262144 / 20200) = 3.6024 times both sides.
    ["ImageScaleToTotalPixels", { megapixels: 0.25 }, 720, 360],
    ["ImageScaleBy", { scale_by: 1.3 }, 256, 128],
  ])("has the size that %s gives with %j", (class_type, more, width, height) => {
    const scale = { class_type, inputs: { image: ["12", 0], upscale_method: "area", ...more } }
    const encode = { class_type: "VAEEncode", inputs: { pixels: ["13", 0], vae: ["4", 2] } }
    expect(one({ 12: photo, 13: scale, 5: encode })).toMatchObject({ width, height })
  })

  it("begins at a step of KSampler (Advanced)", () => {
    const inputs = { ...sampler, noise_seed: 7, steps: 10, start_at_step: 4, end_at_step: 10_000, add_noise: "enable" }
    const encode = { class_type: "VAEEncode", inputs: { pixels: ["12", 0], vae: ["4", 2] } }
    const recipe = (more: object) =>
      one({ 12: photo, 5: encode, 3: { class_type: "KSamplerAdvanced", inputs: { ...inputs, ...more } } })
    expect(recipe({})).toMatchObject({ steps: 10, start: { strength: 0.6 } })
    expect(recipe({ return_with_leftover_noise: "enable" })).toMatchObject({ start: { strength: 0.6 } })
    const early = { end_at_step: 8 }
    expect(() => recipe({ ...early, return_with_leftover_noise: "enable" })).toThrow("hands on latents with noise")
    expect(() => recipe(early)).toThrow("removes all noise at step 8 of 10")
    expect(() => recipe({ add_noise: "disable" })).toThrow("adds no noise to finished latents")
    expect(() => recipe({ start_at_step: 10 })).toThrow("runs no step")
  })

  it("is one picture, and those of a batch only where the latents are repeated", () => {
    const encode = { class_type: "VAEEncode", inputs: { pixels: ["12", 0], vae: ["4", 2] } }
    const repeat = { class_type: "RepeatLatentBatch", inputs: { samples: ["14", 0], amount: 3 } }
    const third = { class_type: "LatentFromBatch", inputs: { samples: ["15", 0], batch_index: 2, length: 1 } }
    const all = (nodes: Parameters<typeof apiWorkflow>[0]) =>
      readWorkflow(apiWorkflow({ 12: photo, ...nodes }), SIZES).recipes.map(({ batch }) => batch)
    expect(all({ 5: encode })).toEqual([undefined])
    expect(all({ 14: encode, 5: { ...repeat, inputs: { ...repeat.inputs, amount: 2 } } })).toEqual([
      { index: 0, count: 2 },
      { index: 1, count: 2 },
    ])
    expect(all({ 14: encode, 15: repeat, 5: third })).toEqual([{ index: 2, count: 3 }])
  })

  it("changes where a mask is white", () => {
    const encode = { class_type: "VAEEncode", inputs: { pixels: ["12", 0], vae: ["4", 2] } }
    const mask = (channel: string) => ({
      ...{ 12: photo, 14: encode, 15: { class_type: "LoadImageMask", inputs: { image: "mask.png", channel } } },
      5: { class_type: "SetLatentNoiseMask", inputs: { samples: ["14", 0], mask: ["15", 0] } },
    })
    expect(one(mask("red"))?.start).toEqual({ image: { path: "photo.png" }, mask: { path: "mask.png" }, strength: 1 })
    expect(one(mask("alpha"))?.start).toMatchObject({ mask: { path: "mask.png" }, maskChannel: "alpha" })
  })

  it("changes where the picture itself is transparent", () => {
    const pixels = { pixels: ["12", 0], vae: ["4", 2], mask: ["12", 1] }
    const start = { image: { path: "photo.png" }, mask: { path: "photo.png" }, maskChannel: "alpha" }
    const encode = (grow_mask_by: number) => ({
      ...{ 12: photo, 5: { class_type: "VAEEncodeForInpaint", inputs: { ...pixels, grow_mask_by } } },
    })
    expect(one(encode(6))?.start).toMatchObject({ ...start, maskedContent: "grey" })
    expect(readWorkflow(apiWorkflow(encode(6)), SIZES).notices).toEqual([
      "VAEEncodeForInpaint #5 grows the mask by 6 px, which is not done here.",
    ])
    expect(readWorkflow(apiWorkflow(encode(0)), SIZES).notices).toEqual([])
    const inputs = { ...pixels, positive: ["6", 0], negative: ["7", 0] }
    const inpaint = {
      ...{ 12: photo, 14: { class_type: "InpaintModelConditioning", inputs } },
      3: { inputs: { positive: ["14", 0], negative: ["14", 1], latent_image: ["14", 2] } },
    }
    expect(one(inpaint)).toMatchObject({ prompt: "a red star", start })
  })

  it("is refused where the size of the picture is not known", () => {
    const encode = { class_type: "VAEEncode", inputs: { pixels: ["9", 0], vae: ["4", 2] } }
    expect(() => one({ 5: encode })).toThrow("starts from canny.png, whose size is not known")
  })
})

describe("two stages", () => {
  it("are hires fix in latents", () => {
    const up = { class_type: "LatentUpscaleBy", inputs: { samples: ["3", 0], upscale_method: "bicubic", scale_by: 2 } }
    const recipe = one({ 5: { inputs: { width: 128, height: 96 } }, 20: up, ...second({}) })
    expect(recipe).toMatchObject({
      ...{ width: 256, height: 192, steps: 8, seed: "7" },
      hires: { scale: 0.5, steps: 4, strength: 0.5, upscaler: "latents-bicubic", control: true },
    })
    expect(
      createRecipe(recipe ?? { prompt: "", seed: 0, width: 0, height: 0, model: { checkpoint: { path: "" } } }),
    ).toBeDefined()
  })

  it("are hires fix in pixels, whose second stage may be without LLLites", () => {
    const up = {
      class_type: "ImageScale",
      inputs: { image: ["22", 0], upscale_method: "lanczos", width: 256, height: 192 },
    }
    const recipe = one({
      22: { class_type: "VAEDecode", inputs: { samples: ["3", 0], vae: ["4", 2] } },
      23: up,
      20: { class_type: "VAEEncode", inputs: { pixels: ["23", 0], vae: ["4", 2] } },
      ...second({ model: ["4", 0] }),
    })
    expect(recipe).toMatchObject({ hires: { upscaler: "lanczos", control: false }, adapters: [{ strength: 0.8 }] })
  })

  it("say what differs, and are refused where it cannot", () => {
    const up = { class_type: "LatentUpscale", inputs: { samples: ["3", 0], width: 256, height: 192 } }
    const { notices } = readWorkflow(apiWorkflow({ 20: up, ...second({ seed: 9 }) }))
    expect(notices).toEqual(["The first stage is enlarged by bicubic instead of nearest-exact."])
    expect(() => one({ 20: up, ...second({ positive: ["7", 0] }) })).toThrow("has another model, prompt or control")
    const small = { ...up, inputs: { ...up.inputs, width: 96 } }
    expect(() => one({ 20: small, ...second({}) })).toThrow("is enlarged from 128x96 to 96x192")
    const low = { ...up, inputs: { ...up.inputs, height: 64 } }
    expect(() => one({ 20: low, ...second({}) })).toThrow("is enlarged from 128x96 to 256x64")
  })

  it("may have their own seed, scale, sampler and levels, in sizes that no scale gives", () => {
    const up = { class_type: "LatentUpscale", inputs: { samples: ["3", 0], width: 304, height: 200 } }
    const own = { seed: 5, cfg: 9, sampler_name: "dpmpp_2m", scheduler: "karras", steps: 6 }
    const recipe = one({ 20: up, ...second(own) })
    expect(recipe).toMatchObject({
      ...{ width: 304, height: 200, seed: "7", steps: 12, guidanceScale: 3, sampler: "euler" },
      hires: {
        ...{ steps: 4, seedOffset: String(2n ** 64n - 2n), sides: { width: 128, height: 96 }, strength: 0.5 },
        sampling: { guidanceScale: 9, sampler: "dpmpp_2m", spacing: "karras" },
      },
    })
    expect(() => one({ 20: up, ...second({ sampler_name: "x" }) })).toThrow('no sampler of ComfyUI "x"')
  })

  it("may have one size", () => {
    const recipe = one(second({ latent_image: ["3", 0] }))
    expect(recipe).toMatchObject({ width: 128, hires: { scale: 1, strength: 0.5, seedOffset: 0 } })
  })
})

describe("a control picture", () => {
  const control = (nodes: object, from: readonly [string, number]) =>
    one({ ...nodes, 10: { inputs: { cond_image: from } } })?.adapters?.[0]?.control

  it("is cropped, and preprocessed once", () => {
    const crop = { class_type: "ImageScale", inputs: { image: ["9", 0], width: 128, height: 96, crop: "center" } }
    const edges = {
      class_type: "CannyEdgePreprocessor",
      inputs: { image: ["20", 0], low_threshold: 50, resolution: 512 },
    }
    expect(control({ 20: crop, 21: edges }, ["21", 0])).toEqual({
      ...{ file: { path: "canny.png" }, fit: "crop" },
      preprocess: { kind: "canny", options: { low: 50, high: 200, resolution: 512 } },
    })
    const invert = { class_type: "ImageInvert", inputs: { image: ["21", 0] } }
    expect(() => control({ 20: crop, 21: edges, 22: invert }, ["22", 0])).toThrow("preprocessed twice")
  })

  it("has ComfyUI's edges by their thresholds, with a notice", () => {
    const canny = { class_type: "Canny", inputs: { image: ["9", 0], low_threshold: 0.4, high_threshold: 0.8 } }
    const { recipes, notices } = readWorkflow(apiWorkflow({ 20: canny, 10: { inputs: { cond_image: ["20", 0] } } }))
    expect(recipes[0]?.adapters?.[0]?.control?.preprocess).toEqual({
      kind: "canny",
      options: { low: 102, high: 204, l2: true, grey: true, blur: 1 },
    })
    expect(notices).toEqual([
      "Canny #20 blurs the picture by 5 × 5 weights before it finds edges. The blur here is as wide and has 7 × 7.",
    ])
  })
})

describe("the noise of steps", () => {
  it("is that of an NVIDIA card for ancestral samplers, and not known for SDE samplers", () => {
    const noise = (sampler_name: string) => readWorkflow(apiWorkflow({ 3: { inputs: { sampler_name } } }))
    expect(noise("euler").recipes[0]?.noise).toBe("torch-cpu")
    expect(noise("euler_ancestral")).toMatchObject({ recipes: [{ noise: "comfyui" }], notices: [] })
    expect(noise("dpmpp_2m_sde").notices).toEqual([
      expect.stringMatching(/whose steps get other noise than in ComfyUI/),
    ])
  })
})
