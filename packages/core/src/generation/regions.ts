import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkArguments } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { resizeImage } from "../image/resize.ts"
import { expectSize } from "../image/size.ts"
import type { RgbImage } from "../image.ts"
import { checkSdxl } from "../models/given.ts"
import { maskedTap, type PreparedMask, prepareMask } from "../models/masked-tap.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { NO_TAP, type Tap, tapAtLayers } from "../models/taps.ts"
import { type TextRegion, textLayers } from "../models/unet/text-regions.ts"
import { partsOfPrompt } from "../prompt/composed.ts"
import type { PromptOptions } from "../prompt/options.ts"
import type { Region } from "../tiling.ts"
import { expectPictures } from "./expect-pictures.ts"
import { chainLoras, type LoraRun, loraTaps } from "./loras.ts"

/** Texts and LoRAs by regions, as a pass over the whole or a tile reads them. */
export interface PreparedRegions {
  readonly texts: readonly TextRegion[]
  /** The LoRAs, each in its region. */
  readonly tap: Tap
  dispose(): void
}

/** What acts by regions. */
export interface RegionalRun {
  /** Where part and LoRA of each number act. */
  readonly masks: readonly RgbImage[]
  /** The text of each part, with a row for each picture. [N, T, contextDim] */
  readonly contexts: readonly Tensor3D[]
  /** The weight of each part for each picture: [parts][N] */
  readonly weights: readonly (readonly number[])[]
  readonly loras: readonly LoraRun[]
}

/**
 * Checks regions.
 *
 * @throws CoreError when there is none, or a prompt has more parts than there are regions
 */
export function checkRegions(
  regions: readonly RgbImage[],
  requests: readonly { readonly prompt: string }[],
  prompts: PromptOptions = {},
): void {
  if (regions.length === 0) throw new CoreError("control-count", "generate: regions is empty, expected masks")
  expectPictures(regions, "a region")
  for (const { prompt } of requests) {
    const { length } = partsOfPrompt(prompt, prompts)
    if (length <= regions.length) continue
    throw new CoreError(
      "control-count",
      `generate: a prompt has ${length} parts with AND and there are ${regions.length} regions. Each part needs one.`,
    )
  }
}

/** The tap of the text encoders for each part: its own LoRA. A LoRA without a region is in `tap`. */
export function regionalTextTaps(
  { ops }: Pick<Sdxl, "ops">,
  loras: readonly LoraRun[],
  regions: number,
): { readonly parts: readonly Tap[]; readonly tap: Tap } {
  const taps = loraTaps(ops, loras)
  return { parts: taps.slice(0, regions), tap: chainLoras(taps.slice(regions)) }
}

/**
 * Prepares regions once for a run. The caller disposes the result.
 *
 * In the U-Net each LoRA acts in its region. At keys, values and outputs of the text it acts on its part alone. At
 * layers without a picture it has an equal share. LoRAs without a region act everywhere.
 *
 * Source: sd-scripts `networks/lora.py`, `LoRAInfModule.regional_forward`.
 *
 * @param size of the pictures in pixels
 * @param region the part of the pictures that the U-Net sees, in pixels. Null: all
 */
export function prepareRegions(
  sdxl: Pick<Sdxl, "ops" | "unet">,
  run: RegionalRun,
  size: { readonly width: number; readonly height: number },
  region: Region | null,
): PreparedRegions {
  checkSdxl("regions", sdxl, "unet")
  checkRun(run)
  checkArgument("regions: the size", size, "an object")
  expectSize(size.width, size.height)
  checkArgument("regions: the region", region, "an object or null")
  const { ops, unet } = sdxl
  const { masks, contexts, weights, loras } = run
  const { width, height } = size
  const prepared = masks.map((mask) => prepareMask([resizeImage(mask, width, height, "area")], 0, region))
  const apart = textLayers(unet)
  const taps = loraTaps(ops, loras)
  const spread = taps.map((tap, i) => {
    const mask = prepared[i]
    if (mask === undefined) return tap
    return maskedTap(
      tapAtLayers(tap, (layer) => !apart.has(layer)),
      mask,
      1 / contexts.length,
    )
  })
  const shares = contexts.map((_, i) => shareOf(prepared[i] as PreparedMask, weights[i] ?? []))
  return {
    texts: contexts.map((context, i) => ({
      context,
      tap:
        i >= masks.length || taps[i] === undefined ? NO_TAP : tapAtLayers(taps[i] as Tap, (layer) => apart.has(layer)),
      share: (shares[i] as Share).at,
    })),
    tap: chainLoras(spread),
    dispose() {
      for (const each of [...prepared, ...shares]) each.dispose()
    },
  }
}

function checkRun(run: RegionalRun): void {
  checkArgument("regions: the run", run, "an object")
  const { masks, contexts, weights, loras } = run
  checkArguments("regions", "a list", { masks, contexts, weights, loras })
  expectPictures(masks, "a region")
  for (const context of contexts) checkArgument("regions: a text", context, "a tensor")
  for (const own of weights) checkArgument("regions: the weights of a part", own, "a list of numbers")
  if (contexts.length <= masks.length) return
  throw new CoreError(
    "control-count",
    `regions: ${contexts.length} texts have ${masks.length} masks, expected one for each`,
  )
}

interface Share {
  at: TextRegion["share"]
  dispose(): void
}

/** A mask times the weight of each picture's part. */
function shareOf(mask: PreparedMask, weights: readonly number[]): Share {
  const kept = new Map<Tensor, Tensor>()
  return {
    at(grid) {
      const plane = mask.at(grid)
      const found = kept.get(plane)
      if (found !== undefined) return found
      const made = tf.keep(
        tf.tidy(() => tf.mul(tf.reshape(plane, [1, -1, 1]), tf.tensor3d([...weights], [weights.length, 1, 1]))),
      )
      kept.set(plane, made)
      return made
    },
    dispose() {
      tf.dispose([...kept.values()])
      kept.clear()
    },
  }
}
