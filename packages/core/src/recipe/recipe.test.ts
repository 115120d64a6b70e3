import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { anyRecipe } from "./any-recipe.test-help.ts"
import {
  adapterOptions,
  createRecipe,
  readRecipe,
  readRecipeText,
  recipeOf,
  recipeText,
  requestOf,
  shareableRecipe,
} from "./index.ts"
import { controlNetOptions } from "./request.ts"

const LEAST = { prompt: "a red star", seed: 7, width: 64, height: 96, model: { checkpoint: { path: "tiny" } } } as const
const SHA = "0123456789abcdef".repeat(4)

describe("the settings of a recipe's adapter", () => {
  it("are those of a runtime", () => {
    const [adapter] = createRecipe({
      ...LEAST,
      adapters: [
        {
          file: { path: "a" },
          strength: 0.5,
          window: { start: 0.1, end: 0.9, ease: 0.2, by: "comfyui" },
          curve: [{ at: 0, strength: 2 }],
          blocks: { middle: 0 },
          guidance: { cond: 1, uncond: 0 },
          mask: { file: { path: "m" }, feather: 8 },
        },
      ],
    }).adapters
    expect(adapter && adapterOptions(adapter)).toEqual({
      ...{ strength: 0.5, start: 0.1, end: 0.9, ease: 0.2, windowBy: "comfyui", curve: [{ at: 0, strength: 2 }] },
      ...{ blocks: { middle: 0 }, cond: 1, uncond: 0, maskFeather: 8 },
    })
  })
})

describe("a recipe, written and read", () => {
  it("is the same through JSON", () => {
    fc.assert(
      fc.property(anyRecipe, (recipe) => {
        expect(readRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe)
      }),
    )
  })

  it("is the same except for folders through a picture's text", () => {
    fc.assert(
      fc.property(anyRecipe, (recipe) => {
        const text = recipeText(recipe)
        expect(readRecipeText(text, { width: 32, height: 32 })).toEqual(shareableRecipe(recipe))
        expect([...text.values()].join("\n")).not.toContain("/home/ada")
      }),
    )
  })

  it("has a workflow of ComfyUI in the text, unless ComfyUI cannot load it", () => {
    const input = { prompt: "a star", seed: 7, width: 64, height: 64, model: { checkpoint: { path: "tiny" } } }
    const recipe = createRecipe(input)
    expect([...recipeText(recipe).keys()]).toContain("workflow")
    const without = recipeText(recipe, { workflow: false })
    expect([...without.keys()]).not.toContain("workflow")
    expect(readRecipeText(without, recipe)).toEqual(recipe)
  })

  it("is the same through a runtime's request", () => {
    fc.assert(
      fc.property(anyRecipe, (recipe) => {
        const { request, options } = requestOf(recipe)
        const { model, textualInversions, loras, adapters, start, regions, parts, negativeParts } = recipe
        const own = { ...(regions && { regions }), ...(parts && { parts }), ...(negativeParts && { negativeParts }) }
        const files = { model, textualInversions, loras, adapters, start, ...own }
        expect(recipeOf(request, options, files)).toEqual(recipe)
      }),
    )
  })

  it("keeps the fields of sd-scripts' keywords", () => {
    fc.assert(
      fc.property(anyRecipe, (recipe) => {
        const text = new Map([...recipeText(recipe)].filter(([keyword]) => keyword !== "lllite-recipe"))
        const { width, height, model, adapters, size, ...rest } = shareableRecipe(recipe)
        const { prompt, negativePrompt, seed, steps, guidanceScale, sampler } = rest
        const { checkpoint, unet, vae } = model
        const read = readRecipeText(text, { width, height })
        expect(read).toMatchObject({ width, height, prompt, negativePrompt, seed, steps, guidanceScale, sampler })
        expect(read.size).toEqual({ ...size, target: [height, width] })
        expect([read.model.checkpoint.path, read.model.unet?.path, read.model.vae?.path]).toEqual([
          checkpoint.path,
          unet?.path,
          vae?.path,
        ])
        // The keywords list LLLites, then ControlNets.
        const byKind = adapters.toSorted((a, b) => Number(a.kind === "controlnet") - Number(b.kind === "controlnet"))
        expect(read.adapters).toEqual(
          byKind.map(({ kind, file: { path }, strength, window: { start, end } }) => ({
            ...{ kind, file: { path }, control: null, strength, window: { start, end } },
          })),
        )
      }),
    )
  })
})

describe("an adapter of a recipe", () => {
  const read = (adapter: object) => createRecipe({ ...LEAST, adapters: [{ file: { path: "a" }, ...adapter }] })

  it.each([
    [{ kind: "controlnet", blocks: { middle: 1 } }, /adapters\[0\]\.blocks is .*of kind "controlnet" has no blocks/],
    [{ kind: "controlnet", hole: { file: { path: "m" } } }, /of kind "controlnet" has no hole/],
    [{ hole: { file: { path: "m" }, feather: 1 } }, /feather/],
    [{ kind: "controlnet", hole: { file: { path: "m" } } }, /of kind "controlnet" has no hole/],
    [{ kind: "lllite", guessMode: true }, /of kind "lllite" has no guessMode/],
    [{ kind: "controlnet", guessMode: 1 }, /adapters\[0\]\.guessMode is 1, expected true or false/],
    [{ kind: "lllite", controlType: "depth" }, /of kind "lllite" has no controlType/],
    [
      { kind: "controlnet", controlType: "ink" },
      /adapters\[0\]\.controlType is "ink", expected one of openpose, depth/,
    ],
    [{ kind: "t2i" }, /expected one of lllite, controlnet/],
  ])("has the fields of its kind only: %j", (adapter, message) => {
    expect(() => read(adapter)).toThrow(message)
  })

  it("gives a ControlNet's settings to a runtime", () => {
    const [adapter] = read({
      kind: "controlnet",
      strength: 0.5,
      guessMode: true,
      controlType: "depth",
      window: { start: 0.1, end: 0.8 },
    }).adapters
    expect(adapter && controlNetOptions(adapter)).toEqual({
      ...{ strength: 0.5, start: 0.1, end: 0.8 },
      ...{ guessMode: true, controlType: "depth" },
    })
  })
})

describe("createRecipe", () => {
  it("fills in missing fields", () => {
    expect(createRecipe({ ...LEAST, adapters: [{ file: { path: "a.safetensors" } }] })).toEqual({
      ...LEAST,
      version: 1,
      negativePrompt: "",
      prompts: { syntax: "weighted", maxChunks: null, normalization: "original", clipSkip: 2, compat: null },
      noise: "lllite",
      size: { original: [96, 64], crop: [0, 0], target: [96, 64] },
      negativeSize: { original: [96, 64], crop: [0, 0], target: [96, 64] },
      start: null,
      hires: null,
      deepShrink: null,
      deepCache: null,
      tiles: null,
      gradualLatent: null,
      steps: 20,
      guidanceScale: 7.5,
      guidanceRescale: 0,
      guidanceWindow: { start: 0, end: 1 },
      negativeScale: null,
      startNoise: null,
      zeroTerminalSnr: null,
      sampler: "euler",
      spacing: "linspace",
      spacingOptions: {},
      samplerOptions: {},
      model: { ...LEAST.model, prediction: "epsilon", loras: [] },
      textualInversions: [],
      loras: [],
      adapters: [
        { kind: "lllite", file: { path: "a.safetensors" }, control: null, strength: 1, window: { start: 0, end: 1 } },
      ],
      combine: "chain",
    })
    expect(createRecipe({ ...LEAST, sampler: "k_dpm_2" }).spacing).toBe("linspace")
    expect(createRecipe({ ...LEAST, sampler: "sde-dpmsolver++" }).spacing).toBe("karras")
    expect(createRecipe({ ...LEAST, spacing: "normal" }).spacing).toBe("uniform")
    expect(createRecipe({ ...LEAST, spacing: "karras-rounded" as "karras" }).spacing).toBe("karras")
  })
})

describe("readRecipe", () => {
  const read = (changes: object): unknown => readRecipe({ version: 1, ...LEAST, ...changes })
  const adapter = (changes: object): object => ({ adapters: [{ file: { path: "a" }, ...changes }] })

  it.each([
    [{ version: 2 }, "recipe: version is 2, expected 1. It may have been written by a newer program."],
    [{ version: undefined }, "recipe: version is missing, expected 1"],
    [{ prompt: 3 }, "recipe: prompt is 3, expected text"],
    [
      { seed: -1 },
      "recipe: seed is -1, expected a whole number from 0 to 2^64 - 1, as digits in quotes above 2^53 - 1",
    ],
    [{ seed: undefined }, "recipe: seed is missing"],
    [{ prompts: { maxChunks: 0 } }, "recipe: prompts.maxChunks is 0, expected a whole number from 1 to 100"],
    [
      { prompts: { syntax: "a1111" } },
      'recipe: prompts.syntax is "a1111", expected one of weighted, comfyui, comfyui-joined, plain',
    ],
    [{ width: 100 }, "recipe: width is 100, expected a multiple of 8"],
    [{ steps: 1.5 }, "recipe: steps is 1.5, expected a whole number from 1 to 1000"],
    [{ guidanceRescale: 2 }, "recipe: guidanceRescale is 2, expected a number from 0 to 1"],
    [{ startNoise: { pyramid: { probability: 2, discount: [0, 1] } } }, "recipe: startNoise.pyramid.probability is 2"],
    [{ startNoise: { offset: { probability: 1, range: [0] } } }, "recipe: startNoise.offset.range"],
    [{ negativeScale: "none" }, 'recipe: negativeScale is "none", expected a number from -1000 to 1000'],
    [{ zeroTerminalSnr: "yes" }, 'recipe: zeroTerminalSnr is "yes", expected true or false'],
    [{ sampler: "dpmp_2m" }, 'Did you mean "dpmpp_2m"?'],
    [{ spacing: "karas" }, 'Did you mean "karras"?'],
    [{ spacingOptions: { rho: 0 } }, "recipe: spacingOptions.rho is 0, expected a number above 0"],
    [{ sampler: "unipc", samplerOptions: { correction: "bh3" } }, "expected one of bh1, bh2"],
    [{ guidanceScale: Number.NaN }, "recipe: guidanceScale is NaN, expected a number"],
    [{ sampler: "ipndm" }, 'recipe: sampler is "ipndm", expected one of ddim, pndm'],
    [{ spacing: "even" }, 'recipe: spacing is "even", expected one of leading'],
    [{ noise: "random" }, 'recipe: noise is "random", expected one of lllite'],
    [{ start: {} }, "recipe: start.image is missing, expected an object"],
    [
      { start: { image: { path: "a" }, strength: 1.5 } },
      "recipe: start.strength is 1.5, expected a number from 0 to 1",
    ],
    [
      { start: { image: { path: "a" }, compat: "a1111" } },
      'recipe: start.compat is "a1111", expected one of sd-scripts',
    ],
    [{ hires: { scale: 1.5 } }, "recipe: hires.scale is 1.5, expected a number above 0 and of at most 1"],
    [{ hires: { scale: 0.5, sides: { width: 60, height: 64 } } }, "hires.sides.width is 60, expected a multiple of 8"],
    [{ hires: { scale: 0.5, seedOffset: -1 } }, "hires.seedOffset is -1, expected a whole number from 0 to 2^64 - 1"],
    [{ hires: { scale: 0.5, sampling: { sampler: "x" } } }, 'hires.sampling.sampler is "x"'],
    [{ hires: { scale: 0.5, sampling: { samplerOptions: { eta: 1 } } } }, "nothing without a sampler beside it"],
    [{ hires: { scale: 0.5, upscaler: "esrgan" } }, 'recipe: hires.upscaler is "esrgan", expected one of lanczos'],
    [{ hires: { scale: 0.5, control: 1 } }, "recipe: hires.control is 1, expected true or false"],
    [{ deepShrink: { levels: [] } }, "recipe: deepShrink.levels is [], expected one level or two"],
    [{ deepShrink: { levels: [{ depth: 9 }] } }, "recipe: deepShrink.levels[0].depth is 9, expected a whole number"],
    [{ deepShrink: { levels: [{ depth: 3 }, { depth: 4 }] } }, "expected timesteps that fall"],
    [{ deepCache: { depth: 3 } }, "recipe: deepCache.interval is missing, expected a whole number"],
    [{ deepCache: { interval: 2, depth: 0 } }, "recipe: deepCache.depth is 0, expected a whole number from 1 to 9"],
    [{ gradualLatent: { ratio: 1 } }, "recipe: gradualLatent.ratio is 1, expected a number above 0"],
    [
      { gradualLatent: { unsharp: { kernel: 2, sigma: 1, strength: 1 } } },
      "recipe: gradualLatent.unsharp.kernel is 2, expected an odd number",
    ],
    [{ strength: 1 }, 'recipe: there is no "strength", expected version, prompt'],
    [{ samplerOptions: { eta: 1 } }, 'recipe: there is no "eta" in samplerOptions, expected sChurn'],
    [
      { sampler: "lms", samplerOptions: { eta: 1 } },
      'samplerOptions is {"eta":1}, expected nothing: "lms" takes no options',
    ],
    [{ sampler: "ddim", samplerOptions: { eta: 2 } }, "recipe: samplerOptions.eta is 2, expected a number from 0 to 1"],
    [{ size: { original: [1], crop: [0, 0], target: [1, 1] } }, "recipe: size.original is [1], expected two numbers"],
    [
      { size: { original: [0, 1], crop: [0, 0], target: [1, 1] } },
      "recipe: size.original[0] is 0, expected a whole number",
    ],
    [{ model: { checkpoint: { path: "" } } }, 'recipe: model.checkpoint.path is "", expected the name of a file'],
    [{ model: { checkpoint: "tiny" } }, 'recipe: model.checkpoint is "tiny", expected an object'],
    [{ model: { checkpoint: { path: "a", sha256: "AB" } } }, "recipe: model.checkpoint.sha256 is"],
    [{ model: { ...LEAST.model, prediction: "sample" } }, "recipe: model.prediction is"],
    [{ adapters: {} }, "recipe: adapters is {}, expected a list"],
    [adapter({ kind: "lora" }), 'recipe: adapters[0].kind is "lora", expected one of lllite'],
    [adapter({ strength: "1" }), 'recipe: adapters[0].strength is "1", expected a number'],
    [adapter({ window: { start: 0.6, end: 0.5 } }), "recipe: adapters[0].window is"],
    [adapter({ control: { file: { path: "p" }, fit: "fill" } }), 'recipe: adapters[0].control.fit is "fill"'],
    [
      adapter({ control: { file: { path: "p" }, preprocess: { kind: "depth" } } }),
      'recipe: adapters[0].control.preprocess.kind is "depth", expected one of canny',
    ],
    [
      adapter({ control: { file: { path: "p" }, preprocess: { kind: "canny", options: { low: -1 } } } }),
      "recipe: adapters[0].control.preprocess.options: low of canny is -1, expected a number from 0 to 32767",
    ],
    [
      adapter({ control: { file: { path: "p" }, preprocess: { kind: "canny", options: [] } } }),
      "recipe: adapters[0].control.preprocess.options is [], expected an object",
    ],
    [adapter({ ratio: 1 }), 'recipe: there is no "ratio" in adapters[0]'],
    [adapter({ window: { by: "steps" } }), 'recipe: adapters[0].window.by is "steps", expected one of schedule'],
    [adapter({ window: { ease: 2 } }), "recipe: adapters[0].window.ease is 2, expected a number from 0 to 1"],
    [adapter({ curve: [] }), "recipe: adapters[0].curve is [], expected at least one point"],
    [adapter({ curve: [{ at: 2, strength: 1 }] }), "recipe: adapters[0].curve[0].at is 2, expected a number from 0"],
    [adapter({ curve: [{ strength: 1 }] }), 'recipe: adapters[0].curve[0] is {"strength":1}, expected either at or'],
    [adapter({ blocks: [1] }), "recipe: adapters[0].blocks is [1], expected an object"],
    [adapter({ blocks: { "input 9": 1 } }), 'recipe: adapters[0].blocks: blocks has "input 9", expected "middle"'],
    [adapter({ blocks: { middle: "x" } }), 'recipe: adapters[0].blocks["middle"] is "x", expected a number'],
    [adapter({ guidance: { cond: null } }), "recipe: adapters[0].guidance.cond is null, expected a number"],
    [adapter({ mask: { file: { path: "m" }, feather: -1 } }), "recipe: adapters[0].mask.feather is -1"],
    [{ batch: { index: 0, count: 2 } }, 'recipe: batch is {"index":0,"count":2}, expected null, or a noise of PyTorch'],
    [
      { noise: "torch-cpu", batch: { index: 2, count: 2 } },
      "recipe: batch.index is 2, expected a whole number from 0 to 1",
    ],
    [{ combine: "chains" }, 'recipe: combine is "chains", expected one of chain, chain-comfyui, sum'],
  ])("refuses %j by path", (changes, message) => {
    expect(() => read(changes)).toThrow(message)
  })

  it.each([[null], [[]], ["{}"], [3]])("refuses %j", (json) => {
    expect(() => readRecipe(json)).toThrow("recipe: expected an object")
  })
})

describe("the text of a picture", () => {
  const recipe = createRecipe({
    ...LEAST,
    model: { checkpoint: { path: "/home/ada/sdxl.safetensors" }, vae: { path: "/home/ada/v/" } },
    adapters: [
      {
        file: { path: "/m/a.safetensors", sha256: SHA },
        control: { file: { path: "/home/ada/p.png" }, fit: "stretch" },
      },
      { file: { path: "b" }, strength: 0.5, window: { start: 0.25, end: 1 } },
    ],
  })

  it("has the keywords that it always had, in order, then the words of other programs, and then the recipe", () => {
    const { "lllite-recipe": whole, parameters, workflow, ...keywords } = Object.fromEntries(recipeText(recipe))
    expect(Object.entries(keywords)).toEqual([
      ["prompt", "a red star"],
      ["seed", "7"],
      ["sampler", "euler"],
      ["steps", "20"],
      ["scale", "7.5"],
      ["negative-prompt", ""],
      ["original-height", "96"],
      ["original-width", "64"],
      ["crop-top", "0"],
      ["crop-left", "0"],
      ["checkpoint", "sdxl.safetensors"],
      ["vae", "v"],
      ["control-net-lllite", "a.safetensors strength 1 end 1; b strength 0.5 start 0.25 end 1"],
    ])
    expect(parameters).toMatch(/^a red star\nSteps: 20, Sampler: Euler, Schedule type: Uniform/)
    expect(JSON.parse(workflow ?? "")).toMatchObject({ version: 0.4, last_node_id: 14 })
    expect(`${parameters} ${workflow}`).not.toContain("ada")
    expect(JSON.parse(whole ?? "")).toMatchObject({ version: 1, adapters: [{ file: { sha256: SHA } }, {}] })
  })

  it("is read from a picture of sd-scripts", () => {
    const text = new Map([
      ["prompt", "a cat"],
      ["seed", "3"],
      ["sampler", "ddim"],
      ["steps", "50"],
      ["scale", "7.0"],
      ["original-height", "None"],
    ])
    expect(readRecipeText(text, { width: 64, height: 64 })).toMatchObject({
      ...{ prompt: "a cat", seed: 3, sampler: "ddim", steps: 50, guidanceScale: 7, spacing: "leading" },
      ...{ noise: "torch-cuda", size: { original: [64, 64] } },
      model: { checkpoint: { path: "unknown" } },
    })
  })

  it.each([
    [{}, 'the text of the picture has no "prompt"'],
    [{ prompt: "a", seed: "x" }, 'recipe: seed is "x"'],
    [{ "lllite-recipe": "{" }, '"lllite-recipe" of the picture is not JSON'],
    [{ "lllite-recipe": '{"version":2}' }, "version is 2, expected 1"],
    [{ prompt: "a", seed: "1", "control-net-lllite": "a" }, "expected NAME strength X end Y"],
  ])("is refused: %j", (entries, message) => {
    expect(() => readRecipeText(new Map(Object.entries(entries)), { width: 64, height: 64 })).toThrow(message)
  })
})
