import type { ControlType } from "@lllite/format/identify"
import type { Preprocessing } from "../control/preprocessors/preprocess.ts"
import type { SamplerOptions, SpacingOptions, TimestepSpacing } from "../diffusion/names.ts"
import type { PictureArea } from "../generation/part-settings.ts"
import type { MixedText } from "../prompt/text-mix.ts"
import type { MaskChannel } from "../recipe/start-recipe.ts"

/* What the outputs of nodes stand for. Nothing is computed: a value says what made it. */

/** Where a model's parts come from. */
export interface ModelValue {
  readonly type: "MODEL"
  readonly source: ModelSource
  readonly loras: readonly LoraUse[]
  /** LLLites, the one that runs first in front. */
  readonly lllites: readonly ControlUse[]
  /** Null: as the file says. */
  readonly prediction: "epsilon" | "v" | null
  /** Null: as the file says. */
  readonly zeroTerminalSnr: true | null
  /** The share of guidance that is rescaled. */
  readonly guidanceRescale: number
}

/** A checkpoint, or a file with a U-Net alone. */
export type ModelSource = { readonly checkpoint: string } | { readonly unet: string }

/** A LoRA of one part of the model. */
export interface LoraUse {
  /** The node that loads it. One node may load it for both parts. */
  readonly node: string
  readonly name: string
  readonly strength: number
}

export interface ClipValue {
  readonly type: "CLIP"
  readonly checkpoint: string
  readonly loras: readonly LoraUse[]
  /** The layer that is read, counted from the end. */
  readonly clipSkip: number
}

export interface VaeValue {
  readonly type: "VAE"
  /** The checkpoint that it is part of, or a file of its own. */
  readonly source: { readonly checkpoint: string } | { readonly vae: string }
}

export interface ConditioningValue {
  readonly type: "CONDITIONING"
  readonly clip: ClipValue
  /** Texts whose predictions are averaged, mostly one. */
  readonly parts: readonly ConditioningPart[]
  /** The text for the first encoder. Null: the same. */
  readonly firstText: string | null
  /** Whether nodes have joined texts, with `AND` or `BREAK` between them. */
  readonly isJoined: boolean
  /** SDXL's condition on sizes. Null: the picture's size. */
  readonly size: {
    readonly original: readonly [number, number]
    readonly crop: readonly [number, number]
    readonly target: readonly [number, number]
  } | null
  readonly controls: readonly ControlUse[]
}

/** A text, with when, where and how much it guides. */
export interface ConditioningPart {
  readonly text: string
  /** The factor on its states. 0: a node sets them to zero. */
  readonly textWeight: number
  /** Texts whose states are added to its own. */
  readonly mix: readonly MixedText[]
  readonly strength: number
  /** The factor on its mask. */
  readonly maskStrength: number
  /** Parts of the noise schedule. */
  readonly start: number
  readonly end: number
  /** Null: everywhere. */
  readonly area: ConditioningArea | null
  readonly mask: MaskValue | null
  /** Whether it sees the bounds of its mask alone. */
  readonly seesMask: boolean
}

/** A rectangle: in pixels, or in parts of the picture's sides. */
export interface ConditioningArea extends PictureArea {
  readonly unit: "pixels" | "parts"
}

/** A network that follows a picture. */
export interface ControlUse {
  readonly node: string
  readonly kind: ControlKind
  readonly name: string
  /** Of a ControlNet Union. Null: none is set. */
  readonly controlType: ControlType | null
  readonly image: ImageValue
  readonly strength: number
  readonly window: ControlWindow
  /** Whether it acts on both prompts, although it stands at one. */
  readonly onBoth: boolean
  /** Where it acts. Null: everywhere. */
  readonly mask: MaskValue | null
  /** Strengths over the steps and over the batch. Null: one strength. */
  readonly schedule: ControlSchedule | null
}

/** What Advanced-ControlNet's keyframes say of a control. */
export interface ControlSchedule {
  readonly keyframes: readonly TimestepKeyframe[]
  /** Win over those of the keyframes. */
  readonly latents: readonly LatentKeyframe[] | null
  readonly weights: ControlWeights | null
}

/** From a place on the noise schedule on, to that of the next one. */
export interface TimestepKeyframe {
  readonly start: number
  readonly strength: number
  /** Null: those before, or the default. */
  readonly weights: ControlWeights | null
  /** Null: those before, or none. */
  readonly latents: readonly LatentKeyframe[] | null
  /** Where it acts. Null: where the one before does, or everywhere. */
  readonly mask: MaskValue | null
  /** The strength of pictures that latent keyframes do not name. */
  readonly otherStrength: number
  /** Whether what is null is that of the keyframe before. */
  readonly inherits: boolean
}

/** A strength of one picture of a batch. A negative index counts from the end. */
export interface LatentKeyframe {
  readonly index: number
  readonly strength: number
}

export interface ControlWeights {
  /** The factor on the side of the negative prompt. */
  readonly uncond: number
}

export interface TimestepKeyframesValue {
  readonly type: "TIMESTEP_KEYFRAME"
  readonly keyframes: readonly TimestepKeyframe[]
}

export interface LatentKeyframesValue {
  readonly type: "LATENT_KEYFRAME"
  readonly keyframes: readonly LatentKeyframe[]
}

export interface ControlWeightsValue extends ControlWeights {
  readonly type: "CONTROL_NET_WEIGHTS"
}

/** `either` is a file in the folder of ControlNets, which Advanced-ControlNet also takes as an LLLite. */
export type ControlKind = "lllite" | "controlnet" | "either"

/** Parts of the noise schedule, or of a run of so many steps, as kohya's node counts them. */
export interface ControlWindow {
  readonly start: number
  readonly end: number
  readonly steps: number | null
}

export interface ControlNetValue {
  readonly type: "CONTROL_NET"
  readonly name: string
  readonly kind: ControlKind
  readonly controlType: ControlType | null
  /** Keyframes that the loader has. */
  readonly keyframes: readonly TimestepKeyframe[] | null
}

/** Pictures of a batch. */
export interface BatchPart {
  /** How many there are. */
  readonly batch: number
  /** The place of the first one in the batch whose noise is drawn at once. */
  readonly firstOfBatch: number
  /** How many that batch has. */
  readonly ofBatch: number
}

/** Latents of a batch of pictures. */
export type LatentValue = { readonly type: "LATENT" } & (
  | ({ readonly made: "empty"; readonly width: number; readonly height: number } & BatchPart)
  | { readonly made: "sampled"; readonly run: SamplerRun }
  /** What a sampler estimates at its last step, where it stops before the end. */
  | { readonly made: "estimated"; readonly run: SamplerRun }
  | ({
      readonly made: "encoded"
      readonly image: ImageValue
      readonly vae: VaeValue
      /** Where they change. Null: everywhere. */
      readonly mask: MaskValue | null
      /** What the masked part of the picture is replaced with. Missing: nothing. */
      readonly maskedContent?: "grey"
    } & BatchPart)
  | { readonly made: "resized"; readonly latents: LatentValue; readonly resize: Resize }
)

/** A run of a sampler. */
export interface SamplerRun {
  readonly node: string
  readonly model: ModelValue
  readonly positive: ConditioningValue
  /** Null: guidance has no negative side. */
  readonly negative: ConditioningValue | null
  readonly latents: LatentValue
  /** 0 to 2^64 - 1, in digits. */
  readonly seed: string
  /** Whether noise is added to the latents before the first step. */
  readonly addsNoise: boolean
  readonly guidanceScale: number
  readonly sampler: SamplerValue
  readonly sigmas: SigmasValue
}

/** A sampler by ComfyUI's name, with options that a node gives it. */
export interface SamplerValue {
  readonly type: "SAMPLER"
  readonly name: string
  readonly options: SamplerOptions
}

/** Noise levels: a part of a list, from the level of the step `first` to that of the step `last`. */
export interface SigmasValue {
  readonly type: "SIGMAS"
  readonly schedule: LevelSchedule
  /** The number of steps of the whole list, which ends at 0. */
  readonly steps: number
  readonly first: number
  readonly last: number
  /** Whether the last level is 0 although the list is cut. */
  readonly isCutToZero?: true
}

/** A scheduler of ComfyUI by its name, which KSampler runs. Or a spacing, which a node of its own makes. */
export type LevelSchedule =
  | { readonly scheduler: string; readonly isOfKSampler: boolean }
  | { readonly spacing: TimestepSpacing; readonly options: SpacingOptions }

/** A seed of a run's noise. Null: no noise. */
export interface NoiseValue {
  readonly type: "NOISE"
  readonly seed: string | null
}

/** A model with its prompts. */
export interface GuiderValue extends Pick<SamplerRun, "model" | "positive" | "negative" | "guidanceScale"> {
  readonly type: "GUIDER"
}

/** How a picture or latents get another size. A side of 0 keeps the aspect. */
export type Resize = { readonly method: string } & (
  | { readonly width: number; readonly height: number; readonly crop: "disabled" | "center" }
  | { readonly factor: number }
  | { readonly megapixels: number }
)

/** A picture. */
export type ImageValue = { readonly type: "IMAGE" } & (
  | { readonly made: "loaded"; readonly name: string }
  | { readonly made: "decoded"; readonly latents: LatentValue; readonly vae: VaeValue }
  | { readonly made: "resized"; readonly image: ImageValue; readonly resize: Resize }
  | { readonly made: "preprocessed"; readonly image: ImageValue; readonly by: Preprocessing }
)

/** A mask out of a picture: its brightness, or where it is transparent. */
export interface MaskValue {
  readonly type: "MASK"
  readonly name: string
  readonly channel: MaskChannel | null
}

/** A number, a text, or true or false, of a node that holds one. */
export interface PlainValue {
  readonly type: "VALUE"
  readonly value: unknown
}

export type WorkflowValue =
  | ModelValue
  | ClipValue
  | VaeValue
  | ConditioningValue
  | ControlNetValue
  | TimestepKeyframesValue
  | LatentKeyframesValue
  | ControlWeightsValue
  | LatentValue
  | ImageValue
  | MaskValue
  | SamplerValue
  | SigmasValue
  | NoiseValue
  | GuiderValue
  | PlainValue

/** The value of a type. */
export type ValueOf<Type extends WorkflowValue["type"]> = Extract<WorkflowValue, { readonly type: Type }>
