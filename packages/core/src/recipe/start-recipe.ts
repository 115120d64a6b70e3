import { checkArgument, checkGiven } from "../argument.ts"
import type { GradualLatent, LatentUnsharp } from "../diffusion/gradual-latent.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { firstSides, firstSize, type HiresFix, type HiresSampling } from "../generation/hires-fix.ts"
import type { MaskedContent, StartPicture } from "../generation/start-picture.ts"
import type { DeepCache } from "../models/unet/deep-cache.ts"
import type { DeepShrink } from "../models/unet/deep-shrink.ts"
import type { Tiling } from "../tiling.ts"
import type { FileReference } from "./file-reference.ts"

/** What a mask can be read from beside the brightness of a picture. */
export const MASK_CHANNELS = ["alpha"] as const
export type MaskChannel = (typeof MASK_CHANNELS)[number]

/** The picture that a picture starts from. */
export interface StartRecipe {
  /** One of another size is stretched. */
  readonly image: FileReference
  /** White changes. One of another size is stretched. Null: everything changes. */
  readonly mask: FileReference | null
  /** What of the mask's picture is read. `alpha` changes where the picture is transparent. Missing: its brightness. */
  readonly maskChannel?: MaskChannel
  /** What the masked part starts as. Missing: `original`. */
  readonly maskedContent?: MaskedContent
  /** The part of the steps that runs, 0 to 1. */
  readonly strength: number
  /** The program whose start is copied, see `StartPicture`. */
  readonly compat: NonNullable<StartPicture["compat"]> | null
  /** The steps by which the loop begins below the noise. */
  readonly stepsOffset: 0 | 1
}

/** A start of a recipe. Only the picture is required. */
export type StartInput = Pick<StartRecipe, "image"> & Partial<StartRecipe>

/** Hires fix of a recipe. Missing fields have their defaults. */
export interface HiresRecipe extends Required<Omit<HiresFix, "sides" | "seedOffset" | "sampling" | "compat">> {
  readonly compat: StartRecipe["compat"]
  readonly sides?: NonNullable<HiresFix["sides"]>
  /** A text of digits above 2^53 - 1. */
  readonly seedOffset?: number | string
  readonly sampling?: HiresSampling
}

/** How a picture is made beside its samples: from what it starts, and in which sizes. */
export interface StagesRecipe {
  /** Null: noise alone. */
  readonly start: StartRecipe | null
  /** Null: one stage. */
  readonly hires: HiresRecipe | null
  /** Null: features keep their size. */
  readonly deepShrink: Required<DeepShrink> | null
  /** Null: every pass of the U-Net is full. */
  readonly deepCache: Required<DeepCache> | null
  /** Null: the whole at once. */
  readonly tiles: Required<Tiling> | null
  /** Tiles of the VAE. Missing: the memory decides. */
  readonly vaeTiles?: Required<Tiling>
  /** Null: latents keep their size. */
  readonly gradualLatent:
    | (Required<Omit<GradualLatent, "unsharp">> & { readonly unsharp: Required<LatentUnsharp> | null })
    | null
}

/** The input of stages. Missing fields have their defaults. */
export interface StagesInput {
  readonly start?: StartInput | null
  readonly hires?: HiresFix | null
  readonly deepShrink?: DeepShrink | null
  readonly deepCache?: DeepCache | null
  readonly tiles?: Tiling | null
  readonly vaeTiles?: Tiling | null
  readonly gradualLatent?: GradualLatent | null
}

/** The settings of a recipe's start, for a run that has read its pictures. */
export function startOptions(start: StartRecipe): Omit<StartPicture, "image" | "mask"> {
  checkArgument("recipe: the start", start, "an object")
  const { strength, compat, stepsOffset, maskedContent } = start
  checkArgument("recipe: the strength of the start", strength, "a finite number")
  return { strength, compat, stepsOffset, ...(maskedContent === undefined ? {} : { maskedContent }) }
}

/** The recipe of the first stage of a picture with hires fix. It is the same without hires fix. */
export function firstStageRecipe<T extends FirstStageFields>(recipe: T): T {
  checkGiven("recipe", recipe, "width", "createRecipe")
  const { hires, size, negativeSize } = recipe
  if (hires === null) return recipe
  const { width, height } = firstSides(recipe, hires)
  return {
    ...recipe,
    ...{ width, height, steps: hires.steps, hires: null },
    size: firstSize(size, hires, [height, width]),
    negativeSize: firstSize(negativeSize, hires, [height, width]),
  }
}

interface FirstStageFields extends Pick<StagesRecipe, "hires"> {
  readonly width: number
  readonly height: number
  readonly steps: number
  readonly size: SizeCondition
  readonly negativeSize: SizeCondition
}
