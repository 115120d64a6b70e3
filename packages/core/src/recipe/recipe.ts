import type { ControlType } from "@lllite/format/identify"
import type { Preprocessing } from "../control/preprocessors/preprocess.ts"
import type {
  NoiseName,
  Prediction,
  SamplerName,
  SamplerOptions,
  SpacingName,
  SpacingOptions,
  TimestepSpacing,
} from "../diffusion/names.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import type { BlockStrengths } from "../generation/block-strengths.ts"
import type { Combination } from "../generation/defaults.ts"
import type { PartSettings } from "../generation/part-settings.ts"
import type { BatchPlace } from "../generation/request.ts"
import type { StartNoise } from "../generation/start-noise.ts"
import type { CurvePoint, WindowCount } from "../generation/window.ts"
import type { Fit } from "../image/fit.ts"
import type { LoraBlocks } from "../models/lora/block-weights.ts"
import type { PromptOptions } from "../prompt/options.ts"
import type { Seed } from "../random/seed.ts"
import type { FileReference } from "./file-reference.ts"
import type { MaskChannel, StagesInput, StagesRecipe } from "./start-recipe.ts"

/** The version of written recipes, and the only version that is read. */
export const RECIPE_VERSION = 1

/** The SDXL of a recipe. */
export interface ModelReference {
  readonly checkpoint: FileReference
  /** A U-Net that replaces the checkpoint's. */
  readonly unet?: FileReference
  /** A VAE that replaces the checkpoint's. */
  readonly vae?: FileReference
  readonly prediction: Prediction
  /** LoRAs that are merged into the weights, in this order. */
  readonly loras: readonly LoraReference[]
}

/** A textual inversion. */
export interface TextualInversionReference {
  /** Its word in prompts. */
  readonly name: string
  readonly file: FileReference
}

/** A LoRA, with the factors on what it adds. */
export interface LoraReference {
  readonly file: FileReference
  readonly strength: number
  readonly textStrength: number
  /** A factor for each block. A block that is not named has 1. */
  readonly blocks: LoraBlocks
}

/** The picture that an adapter follows. */
export interface ControlReference {
  readonly file: FileReference
  /** How a picture of another size is fitted. */
  readonly fit: Fit
  /** What is made of the fitted picture. Missing: it is the control itself. */
  readonly preprocess?: Preprocessing
}

/** The kinds of adapters that a recipe can name. */
export const ADAPTER_KINDS = ["lllite", "controlnet"] as const

/** An adapter with the settings of its use. */
export interface AdapterRecipe {
  readonly kind: (typeof ADAPTER_KINDS)[number]
  readonly file: FileReference
  /** Null where it was not recorded. */
  readonly control: ControlReference | null
  readonly strength: number
  /** The part of the noise schedule on which it acts. */
  readonly window: WindowRecipe
  /** Factors over the noise schedule. Missing: 1. */
  readonly curve?: readonly CurvePoint[]
  /** Of a ControlNet: whether it acts on the pass with the prompt alone, see `ControlNetSettings`. Missing: no. */
  readonly guessMode?: boolean
  /** Of a ControlNet Union: what its control is. Missing: it is a ControlNet of one control type. */
  readonly controlType?: ControlType
  /** Factors by block of the U-Net, of an LLLite. Missing: 1. */
  readonly blocks?: BlockStrengths
  /** Factors on both sides of guidance. Missing: 1. */
  readonly guidance?: { readonly cond: number; readonly uncond: number }
  /** Where in the picture it acts. Missing: everywhere. */
  readonly mask?: MaskReference
  /** Of an LLLite for inpainting: what it fills in. Missing: it reads none. */
  readonly hole?: HoleReference
}

/** The part of the noise schedule on which an adapter acts, 0 (pure noise) to 1 (no noise). */
export interface WindowRecipe {
  readonly start: number
  readonly end: number
  /** The width of its slopes. Missing: 0. */
  readonly ease?: number
  /** How its ends are read. Missing: by the schedule. */
  readonly by?: WindowCount
}

/** A picture that is white where an adapter acts. One of another size is stretched. */
export interface MaskReference {
  readonly file: FileReference
  /** What of its picture is read. `alpha` is white where the picture is transparent. Missing: its brightness. */
  readonly channel?: MaskChannel
  /** The width of its soft edge in pixels. */
  readonly feather: number
}

/** When, where and how much a part of the prompt guides, see `GenerateOptions.parts`. */
export interface PartRecipe
  extends Required<Pick<PartSettings, "strength" | "start" | "end">>,
    Omit<PartSettings, "strength" | "start" | "end"> {
  /** White is where it guides. Missing: everywhere. */
  readonly mask?: Omit<MaskReference, "feather">
}

/** A picture that is white where an LLLite for inpainting fills in. One of another size is stretched. */
export type HoleReference = Omit<MaskReference, "feather">

/** A picture that is a map of regions, see `regionMasks`. One of another size is stretched. */
export interface RegionsReference {
  readonly file: FileReference
  /** The number of colours that name regions. Null: red, green and blue are three regions. */
  readonly codes: number | null
}

/** Everything that determines one picture, as plain JSON. */
export interface Recipe extends StagesRecipe {
  readonly version: typeof RECIPE_VERSION
  readonly prompt: string
  readonly negativePrompt: string
  /** The text that the first text encoder reads instead of the prompt. Missing: the prompt. */
  readonly firstPrompt?: string
  /** The same for the negative prompt. */
  readonly firstNegativePrompt?: string
  /** How both prompts are read. */
  readonly prompts: Required<PromptOptions>
  /** 0 to 2^64 - 1. Above 2^53 - 1 it is a text of digits, because a number of JSON is not exact there. */
  readonly seed: number | string
  /** The source of noise. */
  readonly noise: NoiseName
  /** The picture's place in a batch whose noise is drawn at once, see `PictureRequest`. Missing: it is drawn alone. */
  readonly batch?: BatchPlace
  /** What is added to the noise of the start. Null: nothing. */
  readonly startNoise: Required<StartNoise> | null
  /** In pixels, a multiple of 8. */
  readonly width: number
  readonly height: number
  /** SDXL's condition on the picture's size. */
  readonly size: SizeCondition
  /** The same for the negative prompt. */
  readonly negativeSize: SizeCondition
  readonly steps: number
  readonly guidanceScale: number
  /** The share of guidance that is rescaled, 0 to 1. */
  readonly guidanceRescale: number
  /** The scale of the negative prompt, see `GenerateOptions.negativeScale`. Null: plain guidance. */
  readonly negativeScale: number | null
  /** The part of the noise schedule on which guidance acts. */
  readonly guidanceWindow: { readonly start: number; readonly end: number }
  /** Whether the noise schedule ends with noise alone. Null: as the checkpoint says of itself. */
  readonly zeroTerminalSnr: boolean | null
  readonly sampler: SamplerName
  readonly spacing: TimestepSpacing
  /** Options of the spacing that differ from their defaults. */
  readonly spacingOptions: SpacingOptions
  /** Options of the sampler that differ from their defaults. */
  readonly samplerOptions: SamplerOptions
  readonly model: ModelReference
  /** Textual inversions, whose names the prompts use. */
  readonly textualInversions: readonly TextualInversionReference[]
  /** LoRAs that act beside the layers. Those of `model` are merged into the weights. */
  readonly loras: readonly LoraReference[]
  /** Where parts of the prompt with `AND`, and the LoRAs of `loras`, act. Missing: everywhere. */
  readonly regions?: RegionsReference
  /** How the parts of the prompt share the picture. Missing: each guides everywhere with its weight. */
  readonly parts?: readonly PartRecipe[]
  /** The same for the parts of the negative prompt. Missing: it is one text. */
  readonly negativeParts?: readonly PartRecipe[]
  readonly adapters: readonly AdapterRecipe[]
  readonly combine: Combination
}

/** A LoRA of a recipe. Only the file is required. */
export type LoraInput = Pick<LoraReference, "file"> & Partial<LoraReference>

/** A part of a prompt in a recipe. */
export type PartInput = Partial<PartRecipe>

/** An adapter of a recipe. Only the file is required. */
export type AdapterInput = Pick<AdapterRecipe, "file"> & Partial<AdapterRecipe>

/**
 * The input of `createRecipe`. The prompt, the seed, the sides and the checkpoint are required. Other fields have
 * defaults.
 */
export type RecipeInput = Pick<Recipe, "prompt" | "width" | "height"> &
  Partial<
    Omit<
      Recipe,
      | "version"
      | "seed"
      | "spacing"
      | "prompts"
      | "startNoise"
      | "batch"
      | "model"
      | "loras"
      | "parts"
      | "negativeParts"
      | "adapters"
      | keyof StagesRecipe
    >
  > &
  StagesInput & {
    readonly seed: Seed | string
    readonly spacing?: SpacingName
    readonly startNoise?: StartNoise | null
    readonly batch?: BatchPlace | null
    readonly prompts?: PromptOptions
    readonly model: Pick<ModelReference, "checkpoint"> &
      Partial<Omit<ModelReference, "loras">> & {
        readonly loras?: readonly LoraInput[]
      }
    readonly loras?: readonly LoraInput[]
    readonly parts?: readonly PartInput[]
    readonly negativeParts?: readonly PartInput[]
    readonly adapters?: readonly AdapterInput[]
  }
