import { checkArgument, checkOptions } from "../argument.ts"
import { checkGradualLatent, type GradualLatent } from "../diffusion/gradual-latent.ts"
import type { NoiseName, SamplerName, SamplerOptions, SpacingName, SpacingOptions } from "../diffusion/names.ts"
import { samplerInfo } from "../diffusion/names.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { CoreError, type CoreErrorCode } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import type { TextualInversion } from "../models/clip/textual-inversion.ts"
import { checkDeepCache, type DeepCache } from "../models/unet/deep-cache.ts"
import { checkDeepShrink, type DeepShrink } from "../models/unet/deep-shrink.ts"
import { checkRanges } from "../number-range.ts"
import { partsOfPrompt } from "../prompt/composed.ts"
import { checkPromptOptions, type PromptOptions } from "../prompt/options.ts"
import { checkSeed, type Seed } from "../random/seed.ts"
import { checkTiling, type Tiling } from "../tiling.ts"
import { checkAdapterSettings } from "./adapter-settings.ts"
import type { AdapterUse } from "./adapters.ts"
import { type ControlNetUse, checkControlNet } from "./control-nets.ts"
import { checkControls } from "./control-picture.ts"
import { COMBINATIONS, type Combination, GENERATE_DEFAULTS, GENERATE_RANGES, SIDE_MULTIPLE } from "./defaults.ts"
import type { VaeParts } from "./encode-pictures.ts"
import { expectPictures } from "./expect-pictures.ts"
import { resampleReason } from "./grids.ts"
import { checkHires, type HiresFix } from "./hires-fix.ts"
import type { LoraRun } from "./loras.ts"
import { ADAPTER_KINDS, CONTROL_NET_KINDS, GENERATE_KINDS, LORA_KINDS, REQUEST_KINDS } from "./option-kinds.ts"
import { checkParts, type PartUse } from "./part-settings.ts"
import { checkRegions } from "./regions.ts"
import { checkStartNoise, type StartNoise } from "./start-noise.ts"
import { checkStart, type StartPicture } from "./start-picture.ts"
import { checkWindow } from "./window.ts"

/** A request for one picture. */
export interface PictureRequest {
  readonly prompt: string
  /** Default: empty. */
  readonly negativePrompt?: string
  /** The text that the first text encoder (CLIP-L) reads instead of `prompt`. Default: `prompt`. */
  readonly firstPrompt?: string
  /** The same for the negative prompt. */
  readonly firstNegativePrompt?: string
  /** 0 to 2^64 - 1. */
  readonly seed: Seed
  /**
   * The picture's place in a batch whose noise PyTorch draws at once, as ComfyUI does. All pictures of such a batch have
   * one seed. It needs a `noise` of PyTorch. Default: null, its noise is drawn alone.
   */
  readonly batch?: BatchPlace | null
}

/** A place in a batch of pictures. */
export interface BatchPlace {
  /** From 0. */
  readonly index: number
  /** The number of pictures, from 1. */
  readonly count: number
}

export interface GenerateOptions extends VaeParts {
  /** In pixels, a multiple of 8. */
  readonly width: number
  readonly height: number
  /** Default: 20. */
  readonly steps?: number
  /** The scale of classifier-free guidance. 1 turns it off. Default: 7.5. */
  readonly guidanceScale?: number
  /**
   * The share of guidance that is rescaled to the deviation of the conditional prediction, 0 to 1, see
   * `rescaleGuidance`. Default: 0, none.
   */
  readonly guidanceRescale?: number
  /**
   * A scale of its own for the negative prompt. Guidance then begins at the empty prompt: it goes `guidanceScale` towards
   * the prompt, and `negativeScale` away from the negative prompt. `guidanceScale` - 1 is plain guidance, and 0 has no
   * negative prompt. A step takes half as long again. It has no effect without guidance. Default: null, plain guidance.
   *
   * Source: sd-scripts `gen_img.py`.
   */
  readonly negativeScale?: number | null
  /**
   * The part of the noise schedule on which guidance acts, 0 (pure noise) to 1 (no noise). Outside of it the network runs
   * on the prompt alone, which takes half the time and changes the picture. It has no effect on prompts with `AND`.
   * Default: all of it.
   *
   * Source: Kynkäänniemi et al. 2024 (arXiv:2404.07724).
   */
  readonly guidanceWindow?: { readonly start: number; readonly end: number }
  /**
   * Whether the noise schedule ends with noise alone (zero terminal SNR). Default: null, as the checkpoint says of
   * itself.
   */
  readonly zeroTerminalSnr?: boolean | null
  /** Default: `euler`. */
  readonly sampler?: SamplerName
  /** The timesteps that the run visits. Default: the sampler's spacing, see `SAMPLERS`. */
  readonly spacing?: SpacingName
  /** Ends and exponent of the spacing. */
  readonly spacingOptions?: SpacingOptions
  /** The sampler's options, see `SAMPLERS`. */
  readonly samplerOptions?: SamplerOptions
  /** How prompts are read. */
  readonly prompts?: PromptOptions
  readonly adapters?: readonly AdapterUse[]
  /** Textual inversions, whose names prompts use. Default: none. */
  readonly textualInversions?: readonly TextualInversion[]
  /** ControlNets, whose outputs are summed. They act beside the adapters. Default: none. */
  readonly controlNets?: readonly ControlNetUse[]
  /** LoRAs that act beside the layers of the U-Net and of both text encoders. Default: none. */
  readonly loras?: readonly LoraRun[]
  /**
   * Regions of the pictures: a mask for each part of a prompt with `AND`, and for the LoRA of the same number. White is
   * where they act. A prompt's parts then share each pass of the U-Net, and parts and LoRAs do not mix. Masks of another
   * size are resized. LoRAs without a region act everywhere. Default: null, everything acts everywhere.
   *
   * Source: sd-scripts `networks/lora.py` (regional LoRA).
   */
  readonly regions?: readonly RgbImage[] | null
  /**
   * When, where and how much each part of the prompts guides, in the order of the parts. Their predictions are averaged
   * at each latent by strength, window, area and mask. Every prompt has as many parts, see `partsOfPrompt`. A pass runs
   * each part that acts, as with `AND` alone. One part at the scale 1 guides everywhere. Default: null, each part guides
   * everywhere with its weight.
   *
   * Where no part acts, there is no guidance. In ComfyUI's syntaxes the estimate is zero there, as in ComfyUI.
   *
   * Source: ComfyUI `comfy/samplers.py` (`get_area_and_mult`, `calc_cond_batch`).
   */
  readonly parts?: readonly PartUse[] | null
  /**
   * The same for the negative prompts, whose text then has `AND` between its parts. Where no part acts, there is no
   * guidance, or in ComfyUI's syntaxes an estimate of zero. Default: null, the negative prompt is one text, everywhere.
   */
  readonly negativeParts?: readonly PartUse[] | null
  /** How several adapters are combined, see `COMBINATIONS`. Default: `chain`, the order of sd-scripts. */
  readonly combine?: Combination
  /** Measure what each adapter adds at each block and step. An event of `generate` has it. Default: false. */
  readonly measureAdapters?: boolean
  /** SDXL's condition on the picture's size. Default: `width` and `height`, without a crop. */
  readonly size?: SizeCondition
  /** The same for the negative prompts. Default: `size`. */
  readonly negativeSize?: SizeCondition
  /**
   * The source of noise: LLLite's streams, or a generator of PyTorch for the seeds of other programs. Default:
   * `lllite`.
   */
  readonly noise?: NoiseName
  /** What is added to the noise that pictures start from. A start from a picture has no part in it. Default: null, nothing. */
  readonly startNoise?: StartNoise | null
  /** Pictures to start from, with masks for inpainting. Default: null, noise alone. */
  readonly start?: StartPicture | null
  /** Draws a smaller picture first, and enlarges it. Default: null, one stage. */
  readonly hires?: HiresFix | null
  /** Yields the pictures of the first stage of `hires`, too. Default: false. */
  readonly firstStage?: boolean
  /** Shrinks the features of deep blocks at the beginning. Default: null, never. */
  readonly deepShrink?: DeepShrink | null
  /** Keeps deep features between passes. This is faster, and changes the picture. Default: null, never. */
  readonly deepCache?: DeepCache | null
  /** Begins with smaller latents, which grow. It needs the sampler `euler_a`. Default: null, the full size. */
  readonly gradualLatent?: GradualLatent | null
  /**
   * Draws a large picture in tiles that overlap, whose predictions are averaged in every pass. Memory is then that of
   * one tile. A stage that is not larger than a tile is drawn at once. Default: null, the whole at once.
   */
  readonly tiles?: Tiling | null
  /** Refuses what makes the embeddings of an LLLite be resampled. Default: false, a notice says it. */
  readonly strict?: boolean
  readonly signal?: AbortSignal
  /**
   * Awaited before every pass of the U-Net and every decoding. A thread whose device computes synchronously then reads
   * a message to stop. Default: no pause.
   */
  readonly pause?: () => Promise<void>
}

const END_KINDS = { start: "a number", end: "a number" } as const

const LORA = GENERATE_RANGES.strength

/**
 * Checks the names of what requests have, and that their prompts are texts.
 *
 * @throws CoreError that names the first one that is wrong
 */
export function checkRequests(requests: readonly PictureRequest[]): void {
  checkArgument("generate: the requests", requests, "a list")
  if (requests.length === 0) {
    throw new CoreError("request-empty", "generate: there is no request, expected at least one")
  }
  for (const [index, request] of requests.entries()) {
    const place = `generate: request ${index + 1}`
    checkOptions<PictureRequest>(place, request, REQUEST_KINDS, ["prompt"])
  }
}

/** Checks requests and options. @throws CoreError that names the first one that is wrong */
export function checkRequest(requests: readonly PictureRequest[], options: GenerateOptions): void {
  checkOptions<GenerateOptions>("generate", options, GENERATE_KINDS, ["width", "height"])
  const { width, height, adapters = [], loras = [] } = options
  const expect = (good: boolean, code: CoreErrorCode, what: string): void => {
    if (!good) throw new CoreError(code, `generate: ${what}`)
  }
  checkRequests(requests)
  for (const { prompt, firstPrompt, firstNegativePrompt, seed, batch = null } of requests) {
    checkSeed("generate", seed)
    if (batch !== null) {
      const { index, count } = batch
      checkRanges("generate: batch", { count }, { count: GENERATE_RANGES.batchSize })
      checkRanges("generate: batch", { index }, { index: { integer: true, min: 0, max: count - 1 } })
      expect(
        (options.noise ?? GENERATE_DEFAULTS.noise) !== "lllite",
        "option-conflict",
        'batch beside the noise "lllite", expected a noise of PyTorch. Others have no order of draws.',
      )
    }
    expect(
      firstNegativePrompt === undefined || (options.negativeParts ?? []).length <= 1,
      "option-conflict",
      "firstNegativePrompt beside a negative prompt with AND, expected one of them. Each part of such a prompt has one text.",
    )
    expect(
      firstPrompt === undefined || partsOfPrompt(prompt, options.prompts).length === 1,
      "option-conflict",
      "firstPrompt beside a prompt with AND, expected one of them. Each part of such a prompt has one text.",
    )
  }
  for (const [name, pixels] of Object.entries({ width, height })) {
    const near = Math.max(SIDE_MULTIPLE, Math.round(pixels / SIDE_MULTIPLE) * SIDE_MULTIPLE)
    expect(
      !Number.isSafeInteger(pixels) || pixels % SIDE_MULTIPLE === 0,
      "picture-size",
      `${name} is ${pixels}, expected a multiple of ${SIDE_MULTIPLE}. The nearest is ${near}.`,
    )
  }
  // All numbers are checked before the first step, because some would be refused only after the last one.
  checkRanges("generate", { ...options, negativeScale: options.negativeScale ?? undefined }, GENERATE_RANGES)
  checkPromptOptions("generate: prompts", options.prompts)
  if (options.guidanceWindow !== undefined) {
    checkOptions<{ start: number; end: number }>("generate: guidanceWindow", options.guidanceWindow, END_KINDS)
    checkWindow("generate: guidance", options.guidanceWindow)
  }
  if (options.deepCache != null) checkDeepCache(options.deepCache)
  checkStages(requests.length, options)
  expect(
    options.combine === undefined || COMBINATIONS.includes(options.combine),
    "option-unknown",
    `combine is ${JSON.stringify(options.combine)}, expected one of ${COMBINATIONS.join(", ")}`,
  )
  for (const { lora: _, ...use } of loras) {
    checkOptions("generate: a LoRA", use, LORA_KINDS)
    const { strength = 1, textStrength = strength } = use
    checkRanges("generate: a LoRA", { strength, textStrength }, { strength: LORA, textStrength: LORA })
  }
  const { parts = null, negativeParts = null } = options
  const negatives = requests.map(({ negativePrompt = "" }) => negativePrompt)
  if (parts !== null) {
    const prompts = requests.map(({ prompt }) => prompt)
    checkParts("parts", parts, prompts, options.prompts)
  }
  if (negativeParts !== null) checkParts("negativeParts", negativeParts, negatives, options.prompts)
  expect(
    (parts ?? negativeParts) === null || options.regions == null,
    "option-conflict",
    "parts beside regions, expected one of them",
  )
  if (options.regions != null) checkRegions(options.regions, requests, options.prompts)
  for (const { controlNet: _, ...use } of options.controlNets ?? []) {
    checkOptions("generate: a ControlNet", use, CONTROL_NET_KINDS, ["control"])
    checkControlNet(use, { count: requests.length, width, height })
  }
  for (const { lllite: _, ...use } of adapters) {
    checkOptions("generate: an adapter", use, ADAPTER_KINDS, ["control"])
    const { control, ...settings } = use
    checkAdapterSettings(settings, { count: requests.length, width, height })
    expectPictures(control, "a control image")
    checkControls("data" in control ? [control] : control, { width, height }, settings)
  }
}

/** Checks the options of a start and of stages. */
function checkStages(pictures: number, options: GenerateOptions): void {
  const { start = null, hires = null, deepShrink = null, gradualLatent = null } = options
  const { sampler, strict = false, tiles = null, vaeTiles = null } = options
  if (start !== null) checkStart(start, pictures)
  if (hires !== null) checkHires(hires, options)
  if (options.startNoise != null) checkStartNoise(options.startNoise)
  if (deepShrink !== null) checkDeepShrink(deepShrink)
  if (tiles !== null) checkTiling("generate: tiles", tiles)
  if (vaeTiles !== null) checkTiling("generate: vaeTiles", vaeTiles)
  if (gradualLatent !== null) {
    checkGradualLatent(gradualLatent)
    const name = sampler ?? GENERATE_DEFAULTS.sampler
    const conflict = (what: string): CoreError => new CoreError("option-conflict", `generate: gradualLatent ${what}`)
    for (const each of [name, hires?.sampling?.sampler ?? name]) {
      if (samplerInfo(each)?.name !== "euler_a") throw conflict(`needs the sampler "euler_a", got "${each}"`)
    }
    if (tiles !== null) throw conflict("takes no tiles, because latents that grow have other tiles in every step")
    if (start?.mask != null) throw conflict("takes no mask, because a mask keeps latents of the full size")
  }
  const reason = strict ? resampleReason(options) : null
  if (reason !== null) {
    throw new CoreError(
      "control-grid",
      `generate: the embeddings of LLLites would be resampled, because ${reason}. Change this, or leave strict out.`,
    )
  }
}
