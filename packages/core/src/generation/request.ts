import type { NoiseName, SamplerName, SamplerOptions, TimestepSpacing } from "../diffusion/names.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { CoreError, type CoreErrorCode } from "../errors.ts"
import { checkRanges } from "../number-range.ts"
import { checkPromptOptions, type PromptOptions } from "../prompt/options.ts"
import { checkSeed, type Seed } from "../random/seed.ts"
import { checkAdapterSettings } from "./adapter-settings.ts"
import type { AdapterUse } from "./adapters.ts"
import { COMBINATIONS, type Combination, GENERATE_RANGES, SIDE_MULTIPLE } from "./defaults.ts"
import type { LoraRun } from "./loras.ts"

/** A request for one picture. */
export interface PictureRequest {
  readonly prompt: string
  /** Default: empty. */
  readonly negativePrompt?: string
  /** 0 to 2^64 - 1. */
  readonly seed: Seed
}

export interface GenerateOptions {
  /** In pixels, a multiple of 32. */
  readonly width: number
  readonly height: number
  /** Default: 20. */
  readonly steps?: number
  /** The scale of classifier-free guidance. 1 is no guidance. Default: 7.5. */
  readonly guidanceScale?: number
  /** Default: `euler`. */
  readonly sampler?: SamplerName
  /** The timesteps that the run visits. Default: the sampler's spacing, see `SAMPLERS`. */
  readonly spacing?: TimestepSpacing
  /** The sampler's options, see `SAMPLERS`. */
  readonly samplerOptions?: SamplerOptions
  /** How prompts are read. */
  readonly prompts?: PromptOptions
  readonly adapters?: readonly AdapterUse[]
  /** LoRAs that act beside the layers of the U-Net and of both text encoders. Default: none. */
  readonly loras?: readonly LoraRun[]
  /** How several adapters are combined, see `COMBINATIONS`. Default: `chain`, the order of sd-scripts. */
  readonly combine?: Combination
  /** SDXL's condition on the picture's size. Default: `width` and `height`, without a crop. */
  readonly size?: SizeCondition
  /**
   * The source of noise: LLLite's streams, or a generator of PyTorch for the seeds of other programs. Default:
   * `lllite`.
   */
  readonly noise?: NoiseName
  /** Slices of rows in which the VAE decodes a picture, see `chooseVaeSlices`. Default: 1. */
  readonly vaeSlices?: number
  readonly signal?: AbortSignal
  /**
   * Awaited before every pass of the U-Net and every decoding. A thread whose device computes synchronously then reads
   * a message to stop. Default: no pause.
   */
  readonly pause?: () => Promise<void>
}

const LORA = GENERATE_RANGES.strength

/** Checks requests and options. @throws CoreError that names the first one that is wrong */
export function checkRequest(requests: readonly PictureRequest[], options: GenerateOptions): void {
  const { width, height, adapters = [], loras = [] } = options
  const expect = (good: boolean, code: CoreErrorCode, what: string): void => {
    if (!good) throw new CoreError(code, `generate: ${what}`)
  }
  expect(requests.length > 0, "request-empty", "there is no request, expected at least one")
  for (const { seed } of requests) checkSeed("generate", seed)
  for (const [name, pixels] of Object.entries({ width, height })) {
    const near = Math.max(SIDE_MULTIPLE, Math.round(pixels / SIDE_MULTIPLE) * SIDE_MULTIPLE)
    expect(
      !Number.isSafeInteger(pixels) || pixels % SIDE_MULTIPLE === 0,
      "picture-size",
      `${name} is ${pixels}, expected a multiple of ${SIDE_MULTIPLE}. The nearest is ${near}.`,
    )
  }
  // All numbers are checked before the first step, because some would be refused only after the last one.
  checkRanges("generate", { ...options }, GENERATE_RANGES)
  checkPromptOptions("generate: prompts", options.prompts)
  expect(
    options.combine === undefined || COMBINATIONS.includes(options.combine),
    "option-unknown",
    `combine is ${JSON.stringify(options.combine)}, expected one of ${COMBINATIONS.join(", ")}`,
  )
  for (const { strength = 1, textStrength = strength } of loras) {
    checkRanges("generate: a LoRA", { strength, textStrength }, { strength: LORA, textStrength: LORA })
  }
  for (const { control, ...settings } of adapters) {
    checkAdapterSettings(settings, { count: requests.length, width, height })
    for (const image of "data" in control ? [control] : control) {
      expect(
        image.width === width && image.height === height,
        "control-size",
        `a control image is ${image.width}×${image.height} px, the picture ${width}×${height}. Resize the control.`,
      )
    }
  }
}
