import type { ControlType } from "@lllite/format/identify"
import { CONTROL_TYPES, controlTypeProblem } from "@lllite/format/identify"
import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import type { PassRow } from "../diffusion/pass-position.ts"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import { controlNet } from "../models/controlnet/controlnet.ts"
import { embedHint } from "../models/controlnet/hint.ts"
import type { ControlNetParams } from "../models/controlnet/params.ts"
import type { ControlNetResiduals } from "../models/controlnet/residuals.ts"
import {
  placeResiduals,
  residualScales,
  scaleResiduals,
  sumResiduals,
  tidyResiduals,
} from "../models/controlnet/residuals.ts"
import { checkOps } from "../models/given.ts"
import type { PreparedMask } from "../models/masked-tap.ts"
import type { BlockVerbs } from "../models/unet/block-verbs.ts"
import type { UnetInput } from "../models/unet/unet.ts"
import { checkRanges } from "../number-range.ts"
import type { Ops } from "../ops/ops.ts"
import type { Region } from "../tiling.ts"
import { checkMasks } from "./adapter-settings.ts"
import { checkUse, controlsIn, prepareUseMask } from "./adapters.ts"
import type { ControlPreparation } from "./control-picture.ts"
import { checkControls } from "./control-picture.ts"
import { GENERATE_DEFAULTS, GENERATE_RANGES } from "./defaults.ts"
import { expectPictures } from "./expect-pictures.ts"
import type { Window, WindowReader } from "./window.ts"
import { checkWindow } from "./window.ts"

/** Where a ControlNet acts and how much. All factors multiply. */
export interface ControlNetSettings extends Window {
  /** The factor on what the ControlNet adds. Default: 1. */
  readonly strength?: number
  /**
   * Guess mode: the control acts on the prompt's half of guidance alone, and weaker in the first blocks. So it counts
   * without a prompt, too. Default: false.
   */
  readonly guessMode?: boolean
  /** The factor on the pass with the prompt. Default: 1. */
  readonly cond?: number
  /** The factor on the pass with the negative prompt. Default: 1. */
  readonly uncond?: number
  /**
   * Where in the picture the ControlNet acts: white is 1, black is 0, greys are between. One for all pictures, or one
   * for each. It has the pictures' size. Default: everywhere.
   */
  readonly mask?: RgbImage | readonly RgbImage[]
  /** The width of the mask's soft edge in pixels. Default: 0. */
  readonly maskFeather?: number
  /** What the control is, of a ControlNet Union, which needs it. A ControlNet of one control type does not read it. */
  readonly controlType?: ControlType
}

/** A ControlNet with the settings of its use. */
export interface ControlNetUse extends ControlNetSettings, ControlPreparation {
  readonly controlNet: ControlNetParams
  /**
   * One control picture for each picture of the batch, or one for all. Without `fit` and `preprocess`, it has the
   * pictures' size.
   */
  readonly control: RgbImage | readonly RgbImage[]
}

const SIDE_RANGES = {
  cond: GENERATE_RANGES.strength,
  uncond: GENERATE_RANGES.strength,
  maskFeather: GENERATE_RANGES.feather,
} as const

/**
 * Checks the settings of a ControlNet, and the size of its controls.
 *
 * @throws CoreError that names the first wrong setting
 */
export function checkControlNet(
  { control, strength = GENERATE_DEFAULTS.strength, ...settings }: Omit<ControlNetUse, "controlNet">,
  pictures: { readonly count: number; readonly width: number; readonly height: number },
): void {
  const place = "generate: a ControlNet"
  const { cond, uncond, mask, maskFeather } = settings
  checkWindow(place, settings)
  checkRanges(place, { strength }, GENERATE_RANGES)
  checkRanges(place, { cond, uncond, maskFeather }, SIDE_RANGES)
  checkMasks(place, "mask", mask, pictures)
  expectPictures(control, "a control image")
  checkControls("data" in control ? [control] : control, pictures, settings)
}

/** A ControlNet with the embedding of its control. The caller disposes it. */
export interface PreparedControlNet {
  readonly use: ControlNetUse
  /** The embedding of its control. [count, H/8, W/8, C] */
  readonly hint: Tensor4D
  /** Null acts everywhere in the picture. */
  readonly mask: PreparedMask | null
  dispose(): void
}

/**
 * Embeds the control of a ControlNet, once for a run. The caller disposes the result.
 *
 * @param region The part of the pictures that the ControlNet sees, in pixels. Default: all
 * @throws CoreError when the number of control pictures is neither 1 nor `pictures`, or when a ControlNet Union does not
 * have the control type
 */
export function prepareControlNet(
  ops: Ops,
  use: ControlNetUse,
  pictures: number,
  region: Region | null = null,
): PreparedControlNet {
  checkOps("generate", ops)
  checkArgument("generate: the ControlNet", use, "an object")
  checkGiven("generate: the ControlNet", use.controlNet, "hint", "loadControlNet")
  checkUse("a ControlNet", use, pictures, region)
  const { union } = use.controlNet
  const problem = union === null ? null : controlTypeProblem(union, use.controlType)
  if (problem !== null) throw new CoreError("control-type", `generate: ${problem}`)
  const picture = pictureTensor(controlsIn(use.control, region), pictures)
  const hint = embedHint(ops, use.controlNet, picture)
  picture.dispose()
  const mask = prepareUseMask(use, region)
  return {
    ...{ use, hint, mask },
    dispose() {
      hint.dispose()
      mask?.dispose()
    },
  }
}

/** What a pass of the U-Net is given besides its input. */
export interface ControlNetPass {
  /** Reads the windows at the pass. */
  readonly window: WindowReader
  /** The rows of the batch. Rows without the prompt come first. */
  readonly rows: readonly PassRow[]
  readonly blocks?: BlockVerbs | undefined
}

/**
 * What the ControlNets add to the U-Net in a pass: the sum over those whose window has the position, or null if there is
 * none. The caller disposes it, or tidies.
 */
export function residualsAt(
  ops: Ops,
  prepared: readonly PreparedControlNet[],
  input: UnetInput,
  { window, rows, blocks }: ControlNetPass,
): ControlNetResiduals | null {
  const uncond = rows.filter(({ guidance }) => guidance === "uncond").length
  const active = prepared
    .map((one) => ({ ...one, factor: window(one.use) * (one.use.strength ?? GENERATE_DEFAULTS.strength) }))
    // A ControlNet may have nothing to add to a pass of which all rows are of one side.
    .filter(({ factor, use }) => factor !== 0 && rows.some(({ guidance }) => sideFactor(use, guidance) !== 0))
  if (active.length === 0) return null
  const options = {
    ...(blocks === undefined ? {} : { blocks }),
    pictures: new Set(rows.map(({ picture }) => picture)).size,
  }
  const residualsOf = ({ use, hint, mask, factor }: (typeof active)[number]): ControlNetResiduals => {
    const { controlNet: params, guessMode = false, controlType } = use
    const type = controlType === undefined ? 0 : CONTROL_TYPES[controlType]
    const skipped = sideFactor(use, "uncond") === 0 ? uncond : 0
    const read = rowsFrom(input, skipped)
    const found = controlNet(ops, params, read, [{ embedding: hint, type }], options)
    const sides = rows.slice(skipped).map(({ guidance }) => sideFactor(use, guidance))
    const scales = residualScales(found.skips.length + 1, factor, guessMode)
    const scaled = placeResiduals(scaleResiduals(found, scales), { mask, sides })
    if (skipped === 0) return scaled
    const behindZeros = (x: Tensor4D): Tensor4D => tf.pad(x, [[skipped, 0], NONE, NONE, NONE])
    return { skips: scaled.skips.map(behindZeros), middle: behindZeros(scaled.middle) }
  }
  return tidyResiduals(
    () => sumResiduals(active.map((one) => tidyResiduals(() => residualsOf(one)))) as ControlNetResiduals,
  )
}

const NONE: [number, number] = [0, 0]

/** The factor on a side of guidance. Guess mode has none of the negative prompt. */
function sideFactor(
  { guessMode = false, cond = 1, uncond = 1 }: ControlNetSettings,
  side: PassRow["guidance"],
): number {
  return side === "cond" ? cond : guessMode ? 0 : uncond
}

/** The rows of an input from `first` on. */
function rowsFrom({ latents, timesteps, context, vector }: UnetInput, first: number): UnetInput {
  if (first === 0) return { latents, timesteps, context, vector }
  const rest = <T extends tf.Tensor>(x: T): T => tf.slice(x, [first, ...x.shape.slice(1).map(() => 0)])
  return { latents: rest(latents), timesteps: timesteps.slice(first), context: rest(context), vector: rest(vector) }
}

/** Control pictures as [count, H, W, 3] in 0 … 1. */
function pictureTensor(images: readonly RgbImage[], pictures: number): Tensor4D {
  const [first] = images
  if (first === undefined || (images.length !== 1 && images.length !== pictures)) {
    throw new CoreError(
      "control-count",
      `generate: ${images.length} control images for ${pictures} pictures, expected 1 or ${pictures}`,
    )
  }
  const { width, height } = first
  const values = new Float32Array(images.length * width * height * 3)
  for (const [i, { data }] of images.entries()) {
    const from = i * width * height * 3
    for (let at = 0; at < data.length; at++) values[from + at] = (data[at] ?? 0) / 255
  }
  return tf.tensor4d(values, [images.length, height, width, 3])
}
