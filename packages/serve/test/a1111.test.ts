import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { encodePng, encodePngWithAlpha, readImage } from "@lllite/runtime-node"
import { describe, expect, it } from "vitest"
import { QUEUES, useRedis } from "./queues.ts"
import { gate, PNG, post, testFolder, testRunner, testServer } from "./test-server.ts"

const models: Readonly<Record<string, readonly string[]>> = {
  checkpoint: ["xl/juggernaut.safetensors"],
  adapter: ["kohya_controllllite_xl_canny.safetensors"],
  lora: ["ink.safetensors"],
  vae: ["soft.safetensors"],
  "textual-inversion": ["badhands.safetensors"],
}
const library = {
  list: async (kind: string) => (models[kind] ?? []).map((name) => ({ name, path: `/m/${kind}/${name}` })),
}

const picture = (value: number, side = 64): Buffer =>
  Buffer.from(encodePng({ width: side, height: side, data: new Uint8Array(3 * side * side).fill(value) }))
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

/** What a server draws, and the recipes that it was given. */
async function drawing(drawn: Buffer = PNG): Promise<{ readonly url: string; readonly recipes: Seen[] }> {
  const recipes: Seen[] = []
  const runner = {
    ...testRunner(),
    generate: async ({ input, folder }: Parameters<ReturnType<typeof testRunner>["generate"]>[0]) => {
      recipes.push(...(input.recipes as unknown as readonly Seen[]))
      return Promise.all(
        input.recipes.map(async (_, recipe) => {
          const path = `${folder}/${recipe}.png`
          await writeFile(path, drawn)
          return { path, recipe }
        }),
      )
    },
  }
  const { url } = await testServer({ runner, library })
  return { url, recipes }
}

/** What tests read of a recipe. */
type Seen = Readonly<Record<string, unknown>> & {
  readonly model: { readonly checkpoint: { readonly path: string } }
  readonly adapters: readonly Readonly<Record<string, unknown>>[]
}

interface Answer {
  readonly images: readonly string[]
  readonly parameters: Readonly<Record<string, unknown>>
  readonly info: string
  readonly detail?: unknown
  readonly error?: string
}

async function ask(url: string, route: string, body: object): Promise<Answer & { readonly status: number }> {
  const answer = await post(`${url}/sdapi/v1/${route}`, body)
  return { status: answer.status, ...((await answer.json()) as Answer) }
}

interface Info {
  readonly all_seeds: readonly number[]
  readonly infotexts: readonly string[]
  readonly lllite: { readonly notices: readonly string[] }
}
const infoOf = ({ info }: Answer): Info => JSON.parse(info) as Info

describe("A1111's API", () => {
  it("draws the pictures of txt2img, and says with what", async () => {
    const { url, recipes } = await drawing()
    const answer = await ask(url, "txt2img", {
      ...{ prompt: "a red star <lora:ink:0.5>", negative_prompt: "badhands", seed: 7, steps: 4, n_iter: 2 },
      ...{ width: 64, height: 68, sampler_name: "DPM++ 2M Karras", cfg_scale: 3 },
    })
    expect(answer.status).toBe(200)
    expect(answer.images).toEqual([base64(PNG), base64(PNG)])
    expect(answer.parameters).toMatchObject({
      prompt: "a red star <lora:ink:0.5>",
      batch_size: 1,
      sampler_index: "Euler",
    })
    expect(recipes).toMatchObject([
      {
        ...{ prompt: "a red star", negativePrompt: "badhands", seed: 7, steps: 4, width: 64, height: 64 },
        ...{ sampler: "dpmpp_2m", spacing: "karras", noise: "torch-cuda", guidanceScale: 3 },
        model: { checkpoint: { path: "/m/checkpoint/xl/juggernaut.safetensors" } },
        loras: [{ file: { path: "/m/lora/ink.safetensors" }, strength: 0.5 }],
        textualInversions: [{ name: "badhands", file: { path: "/m/textual-inversion/badhands.safetensors" } }],
      },
      { seed: 8 },
    ])
    const info = infoOf(answer)
    expect(info.all_seeds).toEqual([7, 8])
    expect(info.infotexts[1]).toContain("Seed: 8")
    expect(info.lllite.notices).toEqual([])
  })

  it("takes hires fix as two stages with the same noise, of which the second has all its steps", async () => {
    const { url, recipes } = await drawing()
    const hires = { enable_hr: true, hr_scale: 2, denoising_strength: 0.5, hr_upscaler: "R-ESRGAN 4x+", steps: 10 }
    const answer = await ask(url, "txt2img", { ...hires, width: 64, height: 64, hr_sampler_name: "DDIM", seed: 1 })
    expect(recipes).toMatchObject([
      {
        ...{ width: 128, height: 128, steps: 20, sampler: "euler" },
        hires: {
          steps: 10,
          strength: 0.5,
          seedOffset: 0,
          sides: { width: 64, height: 64 },
          sampling: { sampler: "ddim" },
        },
      },
    ])
    expect(infoOf(answer).lllite.notices).toEqual(["Pictures are enlarged by Lanczos, and not by R-ESRGAN 4x+."])
  })

  it("draws img2img anew where the mask is white, and leaves the rest", async () => {
    const { url, recipes } = await drawing(picture(200))
    const half = new Uint8Array(3 * 64 * 64)
    half.fill(255, 0, half.length / 2)
    const answer = await ask(url, "img2img", {
      ...{ init_images: [`data:image/png;base64,${base64(picture(50))}`], steps: 8, denoising_strength: 0.5, seed: 1 },
      ...{ mask: base64(encodePng({ width: 64, height: 64, data: half })), mask_blur: 0, inpainting_fill: 1 },
      ...{ width: 64, height: 64, inpaint_full_res: false },
    })
    expect(answer.status, JSON.stringify(answer)).toBe(200)
    expect(recipes).toMatchObject([
      { steps: 8, start: { strength: 0.625, mask: { path: expect.stringContaining("/") } } },
    ])
    const { data } = await readImage(Buffer.from(answer.images[0] ?? "", "base64"))
    expect([data[0], data.at(-1)]).toEqual([200, 50])
    expect(answer.parameters).toMatchObject({ init_images: null, mask: null })
  })

  it("starts the masked part from what inpainting_fill says, and refuses other numbers", async () => {
    const { url, recipes } = await drawing(picture(200))
    const white = base64(encodePng({ width: 64, height: 64, data: new Uint8Array(3 * 64 * 64).fill(255) }))
    const masked = { init_images: [base64(picture(50))], mask: white, width: 64, height: 64, seed: 1, steps: 4 }
    for (const fields of [{}, ...[1, 2, 3].map((inpainting_fill) => ({ inpainting_fill }))])
      expect((await ask(url, "img2img", { ...masked, ...fields })).status).toBe(200)
    expect(recipes.map(({ start }) => (start as { readonly maskedContent: string }).maskedContent)).toEqual([
      ...["fill", "original", "noise", "nothing"],
    ])
    const refused = await ask(url, "img2img", { ...masked, inpainting_fill: 4 })
    expect([refused.status, refused.detail]).toEqual([422, expect.stringContaining("inpainting_fill is 4, expected 0")])
  })

  it("reads a mask by its alpha, and several pictures to start from as a batch", async () => {
    const { url, recipes } = await drawing(picture(200))
    const alpha = Uint8Array.from({ length: 4 * 64 * 64 }, (_, i) => (i < 2 * 64 * 64 ? 255 : 0))
    const size = { width: 64, height: 64, seed: 1, steps: 4 }
    const masked = await ask(url, "img2img", {
      ...{ ...size, init_images: [base64(picture(50))], mask_blur: 0, inpainting_fill: 1, inpaint_full_res: false },
      mask: base64(encodePngWithAlpha({ width: 64, height: 64, data: alpha })),
    })
    const { data } = await readImage(Buffer.from(masked.images[0] ?? "", "base64"))
    expect([data[0], data.at(-1)]).toEqual([200, 50])
    const batch = { ...size, init_images: [base64(picture(1)), base64(picture(2)), base64(picture(3))] }
    expect((await ask(url, "img2img", batch)).detail).toContain("bad number of images passed: 3; expecting 1 or less")
    expect((await ask(url, "img2img", { ...batch, batch_size: 4 })).images).toHaveLength(3)
    const starts = recipes
      .slice(1)
      .map(({ start }) => (start as { readonly image: { readonly path: string } }).image.path)
    expect(new Set(starts).size).toBe(3)
  })

  it("takes units of ControlNet in both spellings, and appends the control pictures that it made", async () => {
    const { url, recipes } = await drawing()
    const unit = { model: "kohya_controllllite_xl_canny [a1b2c3d4]", module: "canny", weight: 0.8, pixel_perfect: true }
    for (const [name, fields] of [
      ["ControlNet", { ...unit, image: base64(picture(9)), guidance_end: 0.5, threshold_a: 60 }],
      ["controlnet", { ...unit, input_image: base64(picture(9)), guidance: 0.5, threshold_a: 60, resize_mode: 0 }],
    ] as const) {
      const answer = await ask(url, "txt2img", {
        ...{ width: 64, height: 64, seed: 1, alwayson_scripts: { [name]: { args: [false, fields] } } },
      })
      expect(answer.status, JSON.stringify(answer)).toBe(200)
      expect(answer.images).toHaveLength(2)
    }
    expect(recipes.map(({ adapters }) => adapters)).toMatchObject([
      [
        {
          file: { path: "/m/adapter/kohya_controllllite_xl_canny.safetensors" },
          ...{ strength: 0.8, window: { start: 0, end: 0.5, by: "sd-scripts" } },
          control: { fit: "crop", preprocess: { kind: "canny", options: { low: 60 } } },
        },
      ],
      [{ control: { fit: "stretch" }, window: { end: 0.5 } }],
    ])
  })

  it("refuses by name, in the form of its errors", async () => {
    const { url, recipes } = await drawing()
    const units = (unit: object): object => ({ alwayson_scripts: { controlnet: { args: [unit] } } })
    const image = base64(PNG)
    const model = "kohya_controllllite_xl_canny"
    const cases: readonly (readonly [body: object, status: number, text: string])[] = [
      [{ sampler_name: "Eulr" }, 422, "Sampler not found"],
      [{ script_name: "X/Y/Z plot" }, 422, "Script 'X/Y/Z plot' not found"],
      [{ alwayson_scripts: { ADetailer: { args: [true] } } }, 422, "always on script ADetailer not found"],
      [{ override_settings: { sd_model_checkpoint: "none.safetensors" } }, 404, "Model not found: none.safetensors"],
      [{ prompt: "<lora:gone:1>" }, 422, "Couldn't find Lora with name gone"],
      [{ batch_size: 1000 }, 422, "batch_size × n_iter is 1000 × 1"],
      [{ steps: 5000 }, 422, "steps"],
      [units({ model: "other", image }), 422, "model(other) not found"],
      [units({ model, image, module: "depth_midas" }), 422, "Module not available"],
      [units({ model, image: "http://169.254.169.254/latest" }), 422, "Requests not allowed"],
      [units({ model, image: "/etc/passwd" }), 422, "Invalid encoded image"],
      [units({ model }), 422, "unit 0 has no image"],
      [units({ model, image, guidance_start: 0.9, guidance_end: 0.1 }), 422, "guidance_start"],
      [units({ model, image, input_image: "x" }), 422, "conflict of field"],
    ]
    for (const [body, status, text] of cases) {
      const answer = await ask(url, "txt2img", { width: 64, height: 64, ...body })
      expect([answer.status, answer.error], text).toEqual([status, "HTTPException"])
      expect(answer.detail).toContain(text)
    }
    expect((await ask(url, "img2img", {})).detail).toContain("Init image not found")
    expect(await ask(url, "txt2img", { steps: "many", prompt: 3 })).toMatchObject({
      status: 422,
      detail: [
        { loc: ["body", "prompt"], msg: "value is not a valid string" },
        { loc: ["body", "steps"], msg: "value is not a valid integer" },
      ],
    })
    expect(recipes).toEqual([])
  })

  it("says what it does not follow", async () => {
    const { url } = await drawing()
    const answer = await ask(url, "txt2img", {
      ...{ width: 64, height: 64, subseed_strength: 0.2, restore_faces: true, tiling: false, styles: [], quality: 9 },
      override_settings: { img2img_fix_steps: true, samples_format: "jpg" },
    })
    expect(infoOf(answer).lllite.notices).toEqual([
      "This is not followed: subseed_strength, restore_faces.",
      "Pictures are PNG files, and no jpg.",
      "This is not known: quality, override_settings.img2img_fix_steps.",
    ])
  })

  it("says what of a unit it does not follow", async () => {
    const { url } = await drawing()
    const unit = { model: "kohya_controllllite_xl_canny", module: "none", image: base64(PNG) }
    const noticesOf = async (fields: object): Promise<readonly string[]> => {
      const args = [{ ...unit, ...fields }]
      const answer = await ask(url, "txt2img", { width: 64, height: 64, alwayson_scripts: { controlnet: { args } } })
      expect(answer.status, JSON.stringify(answer)).toBe(200)
      return infoOf(answer).lllite.notices
    }
    const isMask = ["Of the unit 0 of ControlNet, this is not followed: mask."]
    expect(await noticesOf({ low_vram: true, control_mode: "Balanced" })).toEqual([])
    expect(await noticesOf({ mask: base64(PNG) })).toEqual(isMask)
    expect(await noticesOf({ mask_image: base64(PNG) })).toEqual(isMask)
    expect(await noticesOf({ image: { image: base64(PNG), mask: base64(PNG) } })).toEqual(isMask)
    expect(await noticesOf({ image: [base64(PNG), base64(PNG)] })).toEqual(isMask)
    expect(await noticesOf({ image: { image: base64(PNG) }, wieght: 2, hr_option: "High res only" })).toEqual([
      "The unit 0 of ControlNet has an unknown field: wieght.",
      "Units of ControlNet act in both stages of hires fix. hr_option is not followed for each unit alone.",
    ])
  })

  it("keeps options over a restart, and takes none that are wrong", async () => {
    const folder = await testFolder()
    const first = await testServer({ folder, library })
    expect(await (await fetch(`${first.url}/sdapi/v1/options`)).json()).toMatchObject({
      sd_model_checkpoint: "xl/juggernaut.safetensors",
    })
    expect((await post(`${first.url}/sdapi/v1/options`, { sd_model_checkpoint: "gone" })).status).toBe(422)
    const set = { sd_model_checkpoint: "tiny", CLIP_stop_at_last_layers: "x", unknown: 1 }
    expect(await (await post(`${first.url}/sdapi/v1/options`, set)).json()).toBeNull()
    await first.close()
    const { url } = await testServer({ folder, library })
    expect(await (await fetch(`${url}/sdapi/v1/options`)).json()).toMatchObject({
      ...{ sd_model_checkpoint: "tiny", CLIP_stop_at_last_layers: 1 },
    })
  })

  it("lists LoRAs and textual inversions with what their files say", async () => {
    const folder = await testFolder()
    const file = async (name: string, header: object): Promise<{ readonly name: string; readonly path: string }> => {
      const text = Buffer.from(JSON.stringify(header))
      const size = Buffer.alloc(8)
      size.writeBigUInt64LE(BigInt(text.length))
      const path = join(folder, name)
      // The data of tensors is all zeros.
      await writeFile(path, Buffer.concat([size, text, Buffer.alloc(2 * 2048 * 4)]))
      return { name, path }
    }
    const vectors = (width: number, start: number): object => {
      return { dtype: "F32", shape: [2, width], data_offsets: [start, start + 8 * width] }
    }
    const tags = JSON.stringify({ stars: { red: 3 } })
    const whole = { emb: { dtype: "F32", shape: [2, 2048], data_offsets: [0, 16384] } }
    const lora = await file("ink.safetensors", {
      ...{ __metadata__: { ss_output_name: "Ink", ss_tag_frequency: tags, ss_steps: "9" }, ...whole },
    })
    const xl = await file("badhands.safetensors", { clip_l: vectors(768, 0), clip_g: vectors(1280, 6144) })
    const other = await file("old.safetensors", whole)
    const list = async (kind: string) => (kind === "lora" ? [lora] : kind === "textual-inversion" ? [xl, other] : [])
    const { url } = await testServer({ library: { list } })
    const read = async (route: string): Promise<unknown> => (await fetch(`${url}/sdapi/v1/${route}`)).json()
    const metadata = { ss_output_name: "Ink", ss_tag_frequency: { stars: { red: 3 } }, ss_steps: "9" }
    expect(await read("loras")).toEqual([{ name: "ink", alias: "Ink", path: "ink.safetensors", metadata }])
    const about = { step: null, sd_checkpoint: null, sd_checkpoint_name: null, shape: 2048, vectors: 2 }
    expect(await read("embeddings")).toEqual({ loaded: { badhands: about }, skipped: { old: about } })
  })

  it("makes control pictures, and reads the text of pictures", async () => {
    const { url } = await testServer({ library })
    const detected = await post(`${url}/controlnet/detect`, {
      ...{ controlnet_module: "invert", controlnet_input_images: [base64(picture(55))] },
    })
    const { images } = (await detected.json()) as { readonly images: readonly string[] }
    expect((await readImage(Buffer.from(images[0] ?? "", "base64"))).data[0]).toBe(200)
    const refused = await post(`${url}/controlnet/detect`, { controlnet_module: "openpose", controlnet_images: ["x"] })
    expect([refused.status, await refused.text()]).toMatchObject([422, expect.stringContaining("Module not available")])
    const text = "a star\nNegative prompt: blur\nSteps: 4, Sampler: Euler, CFG scale: 7, Seed: 3, Size: 64x32"
    const png = encodePng({ width: 1, height: 1, data: new Uint8Array(3) }, new Map([["parameters", text]]))
    expect(await ask(url, "png-info", { image: base64(png) })).toMatchObject({
      ...{ info: text, items: { parameters: text } },
      parameters: { Prompt: "a star", "Negative prompt": "blur", Steps: "4", "Size-1": "64" },
    })
  })
})

useRedis()

for (const { queue, options, open } of QUEUES) {
  describe(`A1111's API, with jobs that run ${queue}`, options, () => {
    it("shows progress, and interrupts its own job alone", async () => {
      const started = gate()
      const runner = testRunner(({ signal, report }) => {
        report({ type: "progress", phase: "generate", done: 0.5, count: 1, step: 2, steps: 4 })
        report({ type: "preview", png: PNG })
        started.open()
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      })
      const { url } = await open({ runner, library, previews: true })
      const progress = async (): Promise<unknown> => (await fetch(`${url}/sdapi/v1/progress`)).json()
      expect(await progress()).toMatchObject({ progress: 0, state: { job_count: 0 }, current_image: null })
      const answer = ask(url, "txt2img", { width: 64, height: 64, seed: 1 })
      await started.opened
      await expect.poll(progress).toMatchObject({
        ...{ progress: 0.5, state: { job_count: 1, sampling_step: 2, sampling_steps: 4 }, current_image: base64(PNG) },
      })
      expect(await (await fetch(`${url}/sdapi/v1/interrupt`, { method: "POST" })).json()).toEqual({})
      expect((await answer).images).toEqual([base64(PNG)])
      expect(infoOf(await answer).lllite.notices).toContain("The pictures were interrupted.")
    })
  })
}
