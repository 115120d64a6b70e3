import { describe, expect, it } from "vitest"
import type { GreyImage, RgbImage } from "../image.ts"
import type { LlliteParams } from "../models/lllite/params.ts"
import type { AdapterUse } from "./adapters.ts"
import type { ControlNetUse } from "./control-nets.ts"
import type { LoraRun } from "./loras.ts"
import { checkRequest, type GenerateOptions, type PictureRequest } from "./request.ts"

const BASE: GenerateOptions = { width: 96, height: 64 }
const ONE: readonly PictureRequest[] = [{ prompt: "a star", seed: 1 }]
const TWO: readonly PictureRequest[] = [...ONE, { prompt: "a ring", seed: 2 }]

const rgb = (width: number, height: number): RgbImage => ({ width, height, data: new Uint8Array(3 * width * height) })
const grey = (width: number, height: number): GreyImage => ({ width, height, data: new Uint8Array(width * height) })
const adapter = (change: Partial<AdapterUse> = {}): AdapterUse => ({
  ...{ lllite: {} as LlliteParams, control: rgb(96, 64) },
  ...change,
})
const net = (change: Partial<ControlNetUse> = {}): ControlNetUse => ({
  ...({ control: rgb(96, 64) } as ControlNetUse),
  ...change,
})
const lora = (change: Partial<LoraRun>): LoraRun => change as LoraRun
const growing = { gradualLatent: {}, sampler: "euler_a" } as const

const check =
  (options: Partial<GenerateOptions>, requests = ONE) =>
  () =>
    checkRequest(requests, { ...BASE, ...options })

describe("a request", () => {
  it.each<[string, readonly PictureRequest[], Partial<GenerateOptions>, string, string]>([
    ["no request", [], {}, "request-empty", "generate: there is no request, expected at least one"],
    [
      "nothing",
      [null as unknown as PictureRequest],
      {},
      "argument",
      "generate: request 1: the argument is null, expected an object",
    ],
    [
      "a prompt that is not text",
      [ONE[0] as PictureRequest, { prompt: 5, seed: 1 } as unknown as PictureRequest],
      {},
      "argument",
      "generate: request 2: prompt is 5, expected text",
    ],
    [
      "a negative prompt that is a list",
      [{ prompt: "", negativePrompt: ["a"], seed: 1 } as unknown as PictureRequest],
      {},
      "argument",
      "generate: request 1: negativePrompt is a list, expected text",
    ],
    ["a seed that is none", [{ prompt: "", seed: -1 }], {}, "seed", "generate: seed"],
    ["a wrong seed in the second request", [ONE[0] as PictureRequest, { prompt: "", seed: 0.5 }], {}, "seed", "0.5"],
    [
      "a text for one encoder beside several parts",
      [{ prompt: "a AND b", firstPrompt: "c", seed: 1 }],
      {},
      "option-conflict",
      "firstPrompt beside a prompt with AND",
    ],
    [
      "a place in a batch that LLLite's noise has not",
      [{ prompt: "", seed: 1, batch: { index: 0, count: 2 } }],
      {},
      "option-conflict",
      'batch beside the noise "lllite"',
    ],
    [
      "a place outside of its batch",
      [{ prompt: "", seed: 1, batch: { index: 2, count: 2 } }],
      { noise: "torch-cpu" },
      "option-range",
      "index",
    ],
  ])("of %s is refused", (_, requests, options, code, message) => {
    expect(check(options, requests)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    )
  })

  it("may have a text for one encoder, with a prompt of one part or read as plain text", () => {
    const request = { prompt: "a", firstPrompt: "c", seed: 1 }
    expect(check({}, [request])).not.toThrow()
    expect(check({ prompts: { syntax: "plain" } }, [{ ...request, prompt: "a AND b" }])).not.toThrow()
    expect(check({}, [{ prompt: "a AND b", firstNegativePrompt: "c", seed: 1 }])).not.toThrow()
  })
})

describe("options", () => {
  it.each<[Partial<GenerateOptions>, string, string]>([
    [{ width: 100 }, "picture-size", "generate: width is 100, expected a multiple of 8. The nearest is 104."],
    [{ height: 99 }, "picture-size", "generate: height is 99, expected a multiple of 8. The nearest is 96."],
    [{ height: 3 }, "picture-size", "height is 3, expected a multiple of 8. The nearest is 8."],
    [{ width: 24 }, "option-range", "width is 24, expected"],
    [{ width: 96.5 }, "option-range", "width is 96.5, expected a whole number"],
    [{ height: Number.NaN }, "option-range", "height is NaN"],
    [{ steps: 0 }, "option-range", "steps is 0"],
    [{ guidanceScale: -1 }, "option-range", "guidanceScale is -1"],
    [{ guidanceRescale: 1.5 }, "option-range", "guidanceRescale is 1.5"],
    [{ negativeScale: 1e6 }, "option-range", "negativeScale is 1000000"],
    [{ vaeSlices: 0 }, "option-range", "vaeSlices is 0"],
    [{ guidanceWindow: { start: 0.6, end: 0.5 } }, "option-range", "generate: guidance runs from 0.6 to 0.5"],
    [
      { combine: "sequence" as "sum" },
      "option-unknown",
      'combine is "sequence", expected one of chain, chain-comfyui, sum',
    ],
    [{ loras: [lora({}), lora({ strength: 101 })] }, "option-range", "generate: a LoRA: strength is 101"],
    [{ loras: [lora({ textStrength: -101 })] }, "option-range", "generate: a LoRA: textStrength is -101"],
    [{ parts: [{}, {}] }, "control-count", "parts has 2 entries, and a prompt has 1 parts"],
    [{ parts: [{}], regions: [rgb(8, 8)] }, "option-conflict", "parts beside regions, expected one of them"],
    [{ regions: [] }, "control-count", "regions is empty"],
    [{ controlNets: [net(), net({ strength: 101 })] }, "option-range", "a ControlNet: strength is 101"],
    [
      { controlNets: [net({ control: rgb(64, 96) })] },
      "control-size",
      "a control image is 64×96 px, the picture 96×64",
    ],
    [{ adapters: [adapter(), adapter({ strength: 101 })] }, "option-range", "an adapter: strength is 101"],
    [{ adapters: [adapter({ control: [rgb(96, 64), rgb(64, 96)] })] }, "control-size", "a control image is 64×96 px"],
    [{ adapters: [adapter({ mask: rgb(64, 96) })] }, "control-size", "a mask is 64×96 px, the picture 96×64"],
    [{ start: { image: [rgb(8, 8), rgb(8, 8)] } }, "start-count", "2 pictures to start from for 1 pictures"],
    [{ hires: { scale: 0.25 } }, "option-range", "width 96 by the scale 0.25 of hires"],
    [{ hires: { scale: 0.4 } }, "option-range", "height 64 by the scale 0.4 of hires"],
    [{ startNoise: { offset: { probability: 2, range: [0, 1] } } }, "option-range", "offset.probability is 2"],
    [{ deepShrink: { levels: [] } }, "option-range", "deepShrink has 0 levels"],
    [{ tiles: { size: 100 } }, "option-range", "generate: tiles: size is 100"],
    [{ vaeTiles: { size: 100 } }, "option-range", "generate: vaeTiles: size is 100"],
    [{ deepCache: { interval: 0 } }, "option-range", "interval is 0"],
    [{ gradualLatent: {} }, "option-conflict", 'gradualLatent needs the sampler "euler_a", got "euler"'],
    [{ ...growing, hires: { scale: 0.5, sampling: { sampler: "ddim" } } }, "option-conflict", 'got "ddim"'],
    [{ ...growing, tiles: { size: 64 } }, "option-conflict", "gradualLatent takes no tiles"],
    [{ ...growing, start: { image: rgb(8, 8), mask: grey(8, 8) } }, "option-conflict", "gradualLatent takes no mask"],
  ])("%j are refused", (options, code, message) => {
    expect(check(options)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }))
  })

  it("may be at their limits, and null where that is none", () => {
    expect(check({ width: 32, height: 16384, steps: 1000, guidanceScale: 0, guidanceRescale: 1 })).not.toThrow()
    expect(check({ negativeScale: -1000, guidanceWindow: { start: 0, end: 0 }, combine: "sum" })).not.toThrow()
    const none = { negativeScale: null, parts: null, regions: null, start: null, hires: null, startNoise: null }
    expect(check({ ...none, deepShrink: null, deepCache: null, gradualLatent: null, tiles: null })).not.toThrow()
    expect(check({ loras: [lora({ strength: 100, textStrength: -100 })] })).not.toThrow()
    expect(check({ ...growing, start: { image: rgb(8, 8) }, hires: { scale: 0.5 } })).not.toThrow()
    expect(check({ parts: [{}, {}] }, [{ prompt: "a AND b", seed: 1 }])).not.toThrow()
    expect(
      check({ adapters: [adapter({ strength: [0.5, 1], control: [rgb(96, 64), rgb(96, 64)] })] }, TWO),
    ).not.toThrow()
    expect(check({ adapters: [adapter({ strength: [0.5, 1] })] })).toThrow("2 strengths for 1 pictures")
  })
})

describe("a strict request", () => {
  const adapters = [adapter({ fit: "stretch" })]
  it.each<[Partial<GenerateOptions>, string | null]>([
    [{}, null],
    [{ width: 104 }, "104×64 px is not a multiple of 32"],
    [{ height: 72 }, "96×72 px is not a multiple of 32"],
    [{ width: 104, tiles: { size: 64 } }, null],
    [{ width: 104, tiles: { size: 128 } }, "104×64 px"],
    [{ deepShrink: { levels: [{ depth: 3, timestep: 500 }] } }, "Deep Shrink makes features smaller"],
    [growing, "gradual latent begins with smaller features"],
  ])("with %j is refused where embeddings would be resampled", (options, reason) => {
    const strict = check({ ...options, adapters, strict: true })
    if (reason === null) expect(strict).not.toThrow()
    else
      expect(strict).toThrow(
        expect.objectContaining({ code: "control-grid", message: expect.stringContaining(reason) }),
      )
    expect(check({ ...options, adapters })).not.toThrow()
    expect(check({ ...options, strict: true })).not.toThrow()
  })
})
