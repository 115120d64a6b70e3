import { readFile } from "node:fs/promises"
import { compareShapes, type PictureShape } from "@lllite/core/image"
import { llliteNotices, promptNotices, type Tokenizer } from "@lllite/core/models"
import { readPictureText } from "@lllite/core/recipe"
import { readCheckpointTraits } from "@lllite/format/identify"
import { describe, expect, it } from "vitest"
import { noticeText } from "./notices.ts"

/** A token for each word. */
const tokenizer: Tokenizer = {
  encode: (text) => text.split(/\s+/).map(() => 1),
  ...{ vocabularySize: 2, startId: 0, endId: 1 },
}
const long = Array.from({ length: 80 }, () => "a").join(" ")

/** Sentences that a file of a package has, in parts that hold no names. */
const IN_SOURCES: readonly (readonly [file: string, english: string, parts: readonly string[]])[] = [
  [
    "core/src/runtime/generate-run.ts",
    "The window of guidance has no effect on prompts with AND, which are guided in every step.",
    ["The window of guidance has no effect on prompts with AND, "],
  ],
  [
    "core/src/runtime/generate-run.ts",
    "The scale of the negative prompt has no effect, because a guidance scale of 1 turns guidance off.",
    ["The scale of the negative prompt has no effect, "],
  ],
  [
    "core/src/runtime/generate-run.ts",
    "What is added to the noise of the start has no effect on a picture that starts from another.",
    ["What is added to the noise of the start has no effect on a picture that starts from another."],
  ],
  [
    "core/src/generation/grids.ts",
    "The embeddings of LLLites are resampled to the grid of the features, because 72×72 px is not a multiple of 16.",
    [
      "The embeddings of LLLites are resampled to the grid of the features, because $",
      " px is not a multiple of $",
      "Deep Shrink makes features smaller",
      "gradual latent begins with smaller features",
    ],
  ],
  [
    "core/src/worker/vae-parts.ts",
    "The VAE takes tiles of 512 px, because the picture does not fit the memory. They change it a little.",
    ["The VAE takes tiles of $", " px, because the picture"],
  ],
  [
    "core/src/models/lora/file-modules.ts",
    'a.safetensors: 3 tensors fit no layer and are not used, first "b".',
    ["tensor fits no layer and is", "tensors fit no layer and are", " not used, first "],
  ],
  [
    "core/src/models/controlnet/weights.ts",
    '"a": 3 of its tensors do not belong to a ControlNet and are not used, such as "b".',
    [" of its tensors do not belong to a ControlNet and are not used, such as "],
  ],
  [
    "core/src/models/clip/caption-length.ts",
    'The caption of "a.png" is longer than 75 tokens. Only the first 75 are read.',
    ["The caption of $", " longer than $", " tokens. Only the first "],
  ],
  [
    "core/src/models/clip/caption-length.ts",
    '3 captions are longer than 75 tokens. Only the first 75 are read. The first is "a.png".',
    ['"captions"'],
  ],
  [
    "core/src/runtime/example-feed.ts",
    "3 of 9 pictures do not fit into the 1.0 GiB of memory for encoded pictures. They are encoded anew at every step. Latents in files avoid it.",
    [" pictures do not fit into the $", " GiB of memory for encoded pictures"],
  ],
  [
    "core/src/runtime/example-feed.ts",
    "The captions of 3 of 9 pictures do not fit into the 1.0 GiB of memory for encoded pictures. They are encoded anew at every step. Encoded captions in files avoid it.",
    ["The captions of $"],
  ],
  [
    "core/src/models/run-as.ts",
    '"a": It predicts velocity (v-prediction), with zero terminal SNR, as the tensor "v_pred" says. It is run so.',
    ["It predicts $", ", with zero terminal SNR", " says. It is run so."],
  ],
  [
    "core/src/models/run-as.ts",
    '"a": It says that it predicts noise (epsilon), by scheduler_config.json. It is run as one that predicts velocity (v-prediction), as asked.',
    ["It says that it predicts $", "It is run as one that predicts $", "noise (epsilon)", "velocity (v-prediction)"],
  ],
  [
    "runtime-web/src/worker/backend.ts",
    "The SIMD kernels are not used, so everything is a few times slower: no SIMD",
    ["The SIMD kernels are not used, so everything is a few times slower: "],
  ],
  [
    "runtime-web/src/worker/precision.ts",
    "Products are computed in float32, not in float16: a product is 0.3 apart.",
    ["Products are computed in float32, not in float16: $"],
  ],
  [
    "webgpu/src/device/start-on-paths.ts",
    "Products are computed in float32, not in float16: the driver has no float16.",
    ["the driver has no float16"],
  ],
  [
    "runtime-web/src/worker/precision.ts",
    "Products multiply float32, without subgroup matrices: a product is 0.3 apart.",
    ["Products multiply float32, without subgroup matrices: $"],
  ],
  [
    "webgpu/src/device/start-on-paths.ts",
    "Products multiply float32, without subgroup matrices: this device shows none.",
    ["this device shows none"],
  ],
  [
    "format/src/identify/quantisation.ts",
    'its weights are quantised to U8, as "a", which is not supported. Give a checkpoint in fp8, float16, bfloat16 or float32',
    ["its weights are quantised $", ", which is not supported. "],
  ],
  [
    "core/src/workflow/read-workflow.ts",
    "SaveImage #9 shows a picture that no sampler makes, and is left out.",
    [" shows a picture that no sampler makes, and is left out."],
  ],
  [
    "core/src/workflow/read-workflow.ts",
    "SaveImage #9 changes the finished picture. It is left as the sampler makes it.",
    [" changes the finished picture. It is left as the sampler makes it."],
  ],
  [
    "core/src/workflow/read-workflow.ts",
    '"Note #3" leads to no picture and is left out.',
    ["nodes", " to no picture and $", " left out."],
  ],
  [
    "core/src/workflow/read-workflow.ts",
    '2 nodes lead to no picture and are left out. The first is "Note #3".',
    ["nodes", " to no picture and $", " left out."],
  ],
  [
    "core/src/workflow/picture.ts",
    "KSampler #3 has the sampler dpm_adaptive, which is near ComfyUI's here, and not the same.",
    [" has the sampler $", ", which is near ComfyUI's here, and not the same."],
  ],
  [
    "core/src/workflow/picture.ts",
    "KSampler #3 has the sampler dpmpp_sde, whose steps get other noise than in ComfyUI. The picture differs in its details.",
    [", whose steps get other noise than in ComfyUI. "],
  ],
  [
    "core/src/workflow/picture.ts",
    "KSampler #3 makes 9 pictures. The noise of its steps is that of a card which draws the batch at once, and smaller cards do not.",
    [" pictures. The noise of its steps "],
  ],
  [
    "core/src/workflow/picture.ts",
    "KSampler #3 runs a part of a batch, whose noise ComfyUI draws picture by picture. At 64x72 that differs from the noise here.",
    [" runs a part of a batch, whose noise ComfyUI draws picture by picture. "],
  ],
]

/** No English is left but names, which are quoted. */
function expectJapanese(english: string): void {
  const words = noticeText(english)
  expect(words, english).not.toBeNull()
  const rest = (words ?? "").replaceAll(/「[^」]*」|"[^"]*"/g, "")
  expect(rest, english).toMatch(/[ぁ-ん]/)
  expect(rest, english).not.toMatch(/\b(the|is|are|of|not|and|which|it)\b/)
}

describe("notices of packages in Japanese", () => {
  it("say what is not read of prompts", () => {
    const prompts = [
      ...[long, `${long} BREAK a`, "a (red:1.5) ring", "<lora:ink:1>", "embedding:bad", "__colour__", "{a|b}", "{a|b"],
      ...["a --ar", "[a|b]", "[a:b:0.5]", "a AND b"],
    ]
    const limited = promptNotices(tokenizer, [long, `${long} a`], { maxChunks: 1 })
    const said = [...prompts.flatMap((prompt) => promptNotices(tokenizer, [prompt])), ...limited]
    expect(said.length).toBeGreaterThanOrEqual(12)
    for (const notice of [...said, ...promptNotices(tokenizer, ["(a)", "(b)"])]) expectJapanese(notice)
    expect(noticeText(promptNotices(tokenizer, ["a (red:1.5) ring"])[0] ?? "")).toBe(
      '「a (red:1.5) ring」の括弧は、重みとして読み込みます（"red" 1.5）。文字として使うには、括弧の前に「\\」を付けてください。',
    )
  })

  it("say what a checkpoint says of itself", () => {
    const of = (
      name: string,
      shape: readonly number[] = [1],
      metadata: Readonly<Record<string, string>> = {},
      label = "",
    ) =>
      readCheckpointTraits({
        tensors: new Map([[name, { shape, dtype: "F16" as const }]]),
        metadata: new Map(Object.entries(metadata)),
        label,
      })
    const traits = [
      of("model.diffusion_model.input_blocks.0.0.weight", [320, 9, 3, 3]),
      of("model.diffusion_model.input_blocks.0.0.weight", [320, 8, 3, 3]),
      of("a", [1], { "modelspec.prediction_type": "sample" }),
      ...[of("ztsnr"), of("edm_mean"), of("time_embedding.cond_proj.weight")],
      ...["turbo", "lightning", "lcm", "hyper-sd", "dmd2", "vpred"].map((label) => of("a", [1], {}, label)),
    ]
    const said = traits.flatMap(({ notices, refusals }) => [...notices, ...refusals])
    expect(said).toHaveLength(12)
    for (const notice of said) expectJapanese(notice)
    for (const notice of traits.flatMap(({ notices }) => notices)) expectJapanese(`"a.safetensors": ${notice}`)
  })

  it("say what of a picture's settings is not followed", () => {
    const text = (settings: string): readonly string[] =>
      readPictureText(new Map([["parameters", `a\nSteps: 5, ${settings}, CFG scale: 2, Seed: 11, Size: 64x64`]]), {
        ...{ width: 64, height: 64 },
      }).notices
    const said = [
      ...text("Sampler: DPM++ SDE, Tiling: True"),
      ...text("Denoising strength: 0.5"),
      ...text("Hires upscale: 2, Hires upscaler: ESRGAN"),
      ...text('ControlNet 0: "Module: canny, Model: lllite [abc], Control Mode: ControlNet is more important"'),
      ...text('ControlNet 0: "Module: canny, Model: None"'),
    ]
    expect(new Set(said).size).toBe(8)
    for (const notice of said) expectJapanese(notice)
  })

  it("say what of a file is not used, and how a control's shape is wrong", () => {
    const safetensors = { label: "a.safetensors" } as Parameters<typeof llliteNotices>[0]["safetensors"]
    for (const extraTensorCount of [1, 2]) {
      const [notice = ""] = llliteNotices({ extraTensors: ["b"], extraTensorCount, safetensors })
      expectJapanese(notice)
    }
    const shape = (width: number, height: number, isTurned = false): PictureShape => ({ width, height, isTurned })
    for (const [control, image] of [
      [shape(64, 128), shape(128, 64)],
      [shape(64, 128, true), shape(128, 64)],
      [shape(64, 128), shape(128, 64, true)],
      [shape(64, 64), shape(256, 64)],
    ] as const) {
      const found = compareShapes(control, image)
      if (found.kind !== "other") throw new Error("expected another shape")
      expectJapanese(found.reason)
    }
  })

  it.each(IN_SOURCES)("say a sentence of %s: %s", async (file, english, parts) => {
    const source = await readFile(new URL(`../../../../../packages/${file}`, import.meta.url), "utf8")
    for (const part of parts) expect(source).toContain(part)
    expectJapanese(english)
  })

  it("are not made up", () => {
    expect(noticeText("Something else happened.")).toBeNull()
    expect(noticeText('"a": It is something else.')).toBeNull()
  })
})
