import fc from "fast-check"
import type { Preprocessing } from "../control/preprocessors/preprocess.ts"
import type { SamplerOptionInfo, SamplerOptionName } from "../diffusion/names.ts"
import {
  NOISE_NAMES,
  PREDICTIONS,
  SAMPLER_NAMES,
  SAMPLER_OPTIONS,
  START_SCALES,
  samplerInfo,
  TIMESTEP_SPACINGS,
} from "../diffusion/names.ts"
import { COMBINATIONS } from "../generation/defaults.ts"
import { HIRES_UPSCALERS } from "../generation/hires-fix.ts"
import { PART_VIEWS } from "../generation/part-settings.ts"
import { MASKED_CONTENTS } from "../generation/start-picture.ts"
import { WINDOW_COUNTS } from "../generation/window.ts"
import { FITS } from "../image/fit.ts"
import { LORA_BLOCKS } from "../models/lora/block-weights.ts"
import { EMBEDDING_NORMALIZATIONS, PROMPT_COMPATS, PROMPT_SYNTAXES } from "../prompt/options.ts"
import type { Tiling } from "../tiling.ts"
import type { FileReference } from "./file-reference.ts"
import type { AdapterRecipe, LoraReference, PartRecipe, Recipe } from "./recipe.ts"
import { ADAPTER_KINDS } from "./recipe.ts"
import type { StartRecipe } from "./start-recipe.ts"

/* Any valid recipe, for tests that write and read. */

// JSON has no -0.
const number = (range: fc.DoubleConstraints): fc.Arbitrary<number> =>
  fc.double({ noNaN: true, noDefaultInfinity: true, ...range }).map((value) => value + 0)

const side = fc.integer({ min: 1, max: 64 }).map((units) => 40 + 8 * units)
const pair = (min: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max: 9999 }), fc.integer({ min, max: 9999 }))

const file: fc.Arbitrary<FileReference> = fc
  .tuple(
    fc.constantFrom("", "/home/ada/", "models/", "C:\\pictures\\"),
    fc.stringMatching(/^[\w .;-]{1,20}\.safetensors$/),
    fc.option(fc.stringMatching(/^[0-9a-f]{64}$/), { nil: undefined }),
  )
  .map(([folder, name, sha256]) => ({ path: folder + name, ...(sha256 === undefined ? {} : { sha256 }) }))

const lora: fc.Arbitrary<LoraReference> = fc.record({
  ...{ file, strength: number({ min: -4, max: 4 }), textStrength: number({ min: -4, max: 4 }) },
  blocks: fc.dictionary(fc.constantFrom(...LORA_BLOCKS), number({ min: -4, max: 4 })),
})

const preprocess: fc.Arbitrary<Preprocessing> = fc.constantFrom<Preprocessing[]>(
  { kind: "invert" },
  { kind: "canny", options: { low: 63, grey: true } },
  { kind: "shuffle", options: { seed: 7, resolution: 512 } },
)

/** Objects without undefined fields, which JSON does not have. */
const anyAdapter: fc.Arbitrary<AdapterRecipe> = fc.record(
  {
    kind: fc.constantFrom(...ADAPTER_KINDS),
    guessMode: fc.boolean(),
    file,
    control: fc.option(
      fc.record({ file, fit: fc.constantFrom(...FITS), preprocess }, { requiredKeys: ["file", "fit"] }),
    ),
    strength: number({ min: -4, max: 4 }),
    window: fc
      .tuple(
        number({ min: 0, max: 1 }),
        number({ min: 0, max: 1 }),
        fc.record({ ease: number({ min: 0, max: 1 }), by: fc.constantFrom(...WINDOW_COUNTS) }, { requiredKeys: [] }),
      )
      .map(([a, b, more]) => ({ start: Math.min(a, b), end: Math.max(a, b), ...more })),
    curve: fc.array(
      fc.oneof(
        fc.record({ at: number({ min: 0, max: 1 }), strength: number({ min: -4, max: 4 }) }),
        fc.record({ sigma: number({ min: 0, max: 20 }), strength: number({ min: -4, max: 4 }) }),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    blocks: fc.dictionary(
      fc.constantFrom("*", "input *", "input 4-5", "middle", "output 0"),
      number({ min: -4, max: 4 }),
    ),
    guidance: fc.record({ cond: number({ min: -4, max: 4 }), uncond: number({ min: -4, max: 4 }) }),
    mask: fc.record(
      { file, channel: fc.constant("alpha" as const), feather: number({ min: 0, max: 64 }) },
      { requiredKeys: ["file", "feather"] },
    ),
  },
  { requiredKeys: ["kind", "file", "control", "strength", "window"] },
)

/** An adapter with the fields of its kind. */
const adapter: fc.Arbitrary<AdapterRecipe> = anyAdapter.map(({ blocks, guessMode, ...common }) =>
  common.kind === "controlnet"
    ? { ...common, ...(guessMode === undefined ? {} : { guessMode }) }
    : { ...common, ...(blocks === undefined ? {} : { blocks }) },
)

const tiling: fc.Arbitrary<Required<Tiling>> = fc
  .record({ size: fc.integer({ min: 2, max: 64 }), overlap: fc.integer({ min: 0, max: 4 }) })
  .map((units) => ({
    size: 32 * units.size,
    overlap: 8 * units.overlap,
  }))

const part: fc.Arbitrary<PartRecipe> = fc
  .record(
    {
      strength: number({ min: 0, max: 4 }),
      window: fc.tuple(number({ min: 0, max: 1 }), number({ min: 0, max: 1 })),
      area: fc.record({
        ...{ left: number({ min: 0, max: 1 }), top: number({ min: 0, max: 1 }) },
        ...{ width: number({ min: 0, max: 1 }), height: number({ min: 0, max: 1 }) },
      }),
      mask: fc.record({ file, channel: fc.constant("alpha" as const) }, { requiredKeys: ["file"] }),
      sees: fc.constantFrom(...PART_VIEWS),
      textWeight: number({ min: 0, max: 10 }),
      mix: fc.array(fc.record({ text: fc.string(), weight: number({ min: 0, max: 10 }) }), { maxLength: 2 }),
    },
    { requiredKeys: ["strength", "window"] },
  )
  .map(({ window: [a, b], ...rest }) => ({ ...rest, start: Math.min(a, b), end: Math.max(a, b) }))

const share = fc.double({ min: 0.01, max: 0.99, noNaN: true })

const start: fc.Arbitrary<StartRecipe> = fc.record(
  {
    image: file,
    mask: fc.option(file),
    maskChannel: fc.constant("alpha" as const),
    maskedContent: fc.constantFrom(...MASKED_CONTENTS),
    strength: number({ min: 0, max: 1 }),
    compat: fc.constantFrom("sd-scripts" as const, null),
    stepsOffset: fc.constantFrom(0 as const, 1 as const),
  },
  { requiredKeys: ["image", "mask", "strength", "compat", "stepsOffset"] },
)

const hiresFields = {
  // A first stage has at least 32 px.
  scale: fc.double({ min: 0.9, max: 0.99, noNaN: true }),
  steps: fc.integer({ min: 1, max: 1000 }),
  strength: number({ min: 0, max: 1 }),
  upscaler: fc.constantFrom(...HIRES_UPSCALERS),
  control: fc.boolean(),
  compat: fc.constantFrom("sd-scripts" as const, null),
  stepsOffset: fc.constantFrom(0 as const, 1 as const),
}
const hires = fc.record(
  {
    ...hiresFields,
    sides: fc.record({ width: side, height: side }),
    seedOffset: fc.oneof(fc.nat(), fc.constant("18446744073709551615")),
    sampling: fc.record({ guidanceScale: number({ min: 0, max: 30 }), spacing: fc.constant("karras" as const) }),
  },
  { requiredKeys: Object.keys(hiresFields) as (keyof typeof hiresFields)[] },
)

const deepShrink = fc.record({
  levels: fc
    .tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 8 }), fc.boolean())
    .map(([a, b, both]) => [{ depth: a, timestep: 800 }, ...(both ? [{ depth: b, timestep: 300.5 }] : [])]),
  ratio: share,
})

const gradualLatent = fc.record({
  timestep: number({ min: 0, max: 1000 }),
  ratio: share,
  ratioStep: share,
  everySteps: fc.integer({ min: 1, max: 9 }),
  sNoise: number({ min: 0, max: 4 }),
  unsharp: fc.option(
    fc.record({
      kernel: fc.integer({ min: 0, max: 9 }).map((half) => 2 * half + 1),
      sigma: share,
      strength: number({ min: -2, max: 2 }),
      target: fc.constantFrom("step" as const, "start" as const),
    }),
  ),
})

export const anyRecipe: fc.Arbitrary<Recipe> = fc.constantFrom(...SAMPLER_NAMES).chain((sampler) => {
  const taken = Object.keys(samplerInfo(sampler)?.options ?? {}) as SamplerOptionName[]
  const option = (name: SamplerOptionName): fc.Arbitrary<number | string> => {
    const info: SamplerOptionInfo = SAMPLER_OPTIONS[name]
    if ("choices" in info) return fc.constantFrom(...info.choices)
    return info.integer === true
      ? fc.integer({ min: info.min ?? 0, max: info.max ?? 9 })
      : number({ min: 0.001, max: 1 })
  }
  const fields = {
    version: fc.constant(1 as const),
    prompt: fc.string({ unit: "grapheme" }),
    negativePrompt: fc.string(),
    prompts: fc.record({
      syntax: fc.constantFrom(...PROMPT_SYNTAXES),
      maxChunks: fc.option(fc.integer({ min: 1, max: 100 })),
      normalization: fc.constantFrom(...EMBEDDING_NORMALIZATIONS),
      clipSkip: fc.integer({ min: 1, max: 12 }),
      compat: fc.option(fc.constantFrom(...PROMPT_COMPATS)),
    }),
    seed: fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }).map(String)),
    noise: fc.constantFrom(...NOISE_NAMES),
    startNoise: fc.option(
      fc.record({
        pyramid: fc.option(fc.record({ probability: share, discount: fc.tuple(share, share) })),
        offset: fc.option(fc.record({ probability: share, range: fc.tuple(number({ min: -1, max: 1 }), share) })),
      }),
    ),
    width: side,
    height: side,
    size: fc.record({ original: pair(1), crop: pair(0), target: pair(1) }),
    negativeSize: fc.record({ original: pair(1), crop: pair(0), target: pair(1) }),
    start: fc.option(start),
    hires: fc.option(hires),
    deepShrink: fc.option(deepShrink),
    deepCache: fc.option(
      fc.record({ interval: fc.integer({ min: 1, max: 1000 }), depth: fc.integer({ min: 1, max: 9 }) }),
    ),
    gradualLatent: fc.option(gradualLatent),
    tiles: fc.option(tiling),
    steps: fc.integer({ min: 1, max: 999 }),
    guidanceScale: number({ min: 0, max: 30 }),
    sampler: fc.constant(sampler),
    guidanceWindow: fc
      .tuple(number({ min: 0, max: 1 }), number({ min: 0, max: 1 }))
      .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) })),
    guidanceRescale: number({ min: 0, max: 1 }),
    negativeScale: fc.option(number({ min: -9, max: 30 })),
    zeroTerminalSnr: fc.option(fc.boolean()),
    spacing: fc.constantFrom(...TIMESTEP_SPACINGS),
    spacingOptions: fc.record(
      {
        sigmaMin: number({ min: 0.01, max: 1 }),
        sigmaMax: number({ min: 2, max: 20 }),
        ...{
          rho: number({ min: 0.5, max: 20 }),
          discardPenultimate: fc.boolean(),
          startScale: fc.constantFrom(...START_SCALES),
        },
      },
      { requiredKeys: [] },
    ),
    samplerOptions: fc.record(Object.fromEntries(taken.map((name) => [name, option(name)])), { requiredKeys: [] }),
    model: fc.record(
      {
        ...{ checkpoint: file, unet: file, vae: file, prediction: fc.constantFrom(...PREDICTIONS) },
        loras: fc.array(lora, { maxLength: 2 }),
      },
      { requiredKeys: ["checkpoint", "prediction", "loras"] },
    ),
    textualInversions: fc.array(fc.record({ name: fc.stringMatching(/^[a-z-]{1,9}$/), file }), { maxLength: 2 }),
    loras: fc.array(lora, { maxLength: 2 }),
    adapters: fc.array(adapter, { maxLength: 3 }),
    combine: fc.constantFrom(...COMBINATIONS),
  }
  const required = Object.keys(fields) as (keyof typeof fields)[]
  const optional = {
    ...{ firstPrompt: fc.string(), firstNegativePrompt: fc.string() },
    vaeTiles: tiling,
    parts: fc.array(part, { minLength: 1, maxLength: 3 }),
    negativeParts: fc.array(part, { minLength: 1, maxLength: 3 }),
    regions: fc.record({ file, codes: fc.option(fc.integer({ min: 1, max: 8 })) }),
  }
  const place = fc
    .tuple(fc.integer({ min: 1, max: 4096 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }))
    .map(([count, share]) => ({ count, index: Math.floor(share * count) }))
  // LLLite's own noise is never drawn for a batch.
  return fc
    .tuple(fc.record({ ...fields, ...optional }, { requiredKeys: required }), fc.option(place))
    .map(([recipe, batch]) => (batch === null || recipe.noise === "lllite" ? recipe : { ...recipe, batch }))
})
