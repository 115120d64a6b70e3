import type { Tensor4D } from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { cropImage } from "../image/crop.ts"
import { maskOf } from "../image/mask.ts"
import { resizeImage } from "../image/resize.ts"
import type { RgbImage } from "../image.ts"
import { expectRgb, imageToFloats } from "../image.ts"
import { checkOps, checkUploaded } from "../models/given.ts"
import type { PreparedControl } from "../models/lllite/adapter.ts"
import { llliteTap, prepareControl } from "../models/lllite/adapter.ts"
import type { ControlImages } from "../models/lllite/conditioner.ts"
import { withHole } from "../models/lllite/hole.ts"
import { noControlLatents } from "../models/lllite/latent-patches.ts"
import type { LlliteParams } from "../models/lllite/params.ts"
import { maskedTap, type PreparedMask, prepareMask } from "../models/masked-tap.ts"
import { chainTaps, sumTaps, type Tap } from "../models/taps.ts"
import type { VaeParams } from "../models/vae/weights.ts"
import { checkRanges } from "../number-range.ts"
import type { Ops } from "../ops/ops.ts"
import type { Region } from "../tiling.ts"
import { type AdapterControl, type AdapterSettings, strengthAt } from "./adapter-settings.ts"
import { factorsByBlock } from "./block-strengths.ts"
import type { ControlPreparation } from "./control-picture.ts"
import { type Combination, GENERATE_RANGES } from "./defaults.ts"
import type { DeltaMeter } from "./delta-meter.ts"
import { checkVaeParts, encodePictures, type VaeParts } from "./encode-pictures.ts"
import { expectPictures } from "./expect-pictures.ts"
import type { WindowReader } from "./window.ts"

/** An LLLite with the settings of its use. */
export interface AdapterUse extends AdapterControl, ControlPreparation {
  readonly lllite: LlliteParams
  /**
   * One control image for each picture of the batch, or one for all. Without `fit` and `preprocess`, it has the
   * pictures' size.
   */
  readonly control: RgbImage | readonly RgbImage[]
}

/** An adapter with the values for its control. The caller disposes it. */
export interface PreparedAdapter {
  readonly use: AdapterUse
  readonly control: PreparedControl
  /** Null acts everywhere in the picture. */
  readonly mask: PreparedMask | null
  dispose(): void
}

/** What prepares adapters. */
export interface AdapterPlace extends VaeParts {
  readonly ops: Ops
  /** For an LLLite that reads its control as latents. Default: none */
  readonly vae?: VaeParams
}

/**
 * Computes an adapter's values for its control, once for a run. The caller disposes the result.
 *
 * @param region The part of the pictures that the U-Net sees, in pixels. Default: all
 * @throws CoreError when the number of control images is neither 1 nor `pictures`, or an LLLite reads latents and there
 * is not a VAE
 */
export function prepareAdapter(
  place: AdapterPlace,
  use: AdapterUse,
  pictures: number,
  region: Region | null = null,
): PreparedAdapter {
  checkGiven("generate: the place", place, "ops", "core, as ops and vae,")
  checkOps("generate", place.ops)
  checkVaeParts("generate", place)
  checkArgument("generate: the adapter", use, "an object")
  checkUploaded("generate", use.lllite)
  checkUse("an adapter", use, pictures, region)
  if (use.hole !== undefined) expectPictures(use.hole, "a hole")
  const images = joinControls(use, pictures, region)
  const latents = readsLatents(use.lllite) ? encodeControls(place, controlsIn(use.control, region)) : undefined
  const control = prepared(place.ops, use.lllite, images, latents)
  const mask = prepareUseMask(use, region)
  return {
    ...{ use, control, mask },
    dispose() {
      control.dispose()
      mask?.dispose()
    },
  }
}

/** Checks what a use of an adapter or a ControlNet is prepared from. @throws CoreError */
export function checkUse(
  what: string,
  { control, mask, maskFeather }: Pick<AdapterUse, "control" | "mask" | "maskFeather">,
  pictures: number,
  region: unknown,
): void {
  expectPictures(control, "a control image")
  for (const image of controlsIn(control, null)) expectRgb(image)
  if (mask !== undefined) expectPictures(mask, "a mask")
  const { feather, batchSize } = GENERATE_RANGES
  checkRanges(
    `generate: ${what}`,
    { maskFeather, pictures: pictures ?? null },
    { maskFeather: feather, pictures: batchSize },
  )
  checkArgument("generate: the region", region, "an object or null")
}

function prepared(
  ops: Ops,
  lllite: LlliteParams,
  images: ControlImages,
  latents: Tensor4D | undefined,
): PreparedControl {
  try {
    return prepareControl(ops, lllite, { ...images, ...(latents === undefined ? {} : { latents }) })
  } finally {
    latents?.dispose()
  }
}

function readsLatents({ adapters }: LlliteParams): boolean {
  return [...adapters.values()].some(({ plan }) => plan.condInput === "latent")
}

/** The latents of controls of one size. [count, H/8, W/8, 4] */
function encodeControls({ ops, vae, ...parts }: AdapterPlace, controls: readonly RgbImage[]): Tensor4D {
  if (vae === undefined) throw noControlLatents("generate")
  return encodePictures({ ops, vae }, controls, parts)
}

/** The mask of an adapter's or a ControlNet's use. Null acts everywhere. */
export function prepareUseMask(
  { mask, maskFeather = 0 }: Pick<AdapterSettings, "mask" | "maskFeather">,
  region: Region | null,
): PreparedMask | null {
  const masks = mask === undefined ? [] : "data" in mask ? [mask] : mask
  return masks.length === 0 ? null : prepareMask(masks, maskFeather, region)
}

/**
 * The tap of the adapters in a pass. An adapter outside of its window has no tap, so it costs nothing.
 *
 * @param window reads the windows at the pass
 * @param meter measures what each adapter adds
 */
export function tapAt(
  ops: Ops,
  adapters: readonly PreparedAdapter[],
  window: WindowReader,
  combine: Combination,
  meter: DeltaMeter | null = null,
): Tap {
  const active = adapters.flatMap(({ use, control, mask }, index) => {
    const factor = window(use)
    const strength = factor === 0 ? 0 : strengthAt(use, factor)
    if (strength === 0) return []
    const tap = actingTap(llliteTap(ops, use.lllite, control, strength), use)
    const masked = mask === null ? tap : maskedTap(tap, mask)
    return [meter === null ? masked : meter.measured(index, masked)]
  })
  switch (combine) {
    case "chain":
      return chainTaps(active)
    case "chain-comfyui":
      return chainTaps(active.reverse())
    case "sum":
      return sumTaps(active)
  }
}

/** The tap without the blocks whose factor is 0, so that a runtime runs them as blocks without an adapter. */
function actingTap(tap: Tap, { blocks }: AdapterUse): Tap {
  if (blocks === undefined) return tap
  const factors = factorsByBlock("generate: an adapter", blocks)
  return { ...tap, has: (layer) => factors.get(layer.block) !== 0 && tap.has(layer) }
}

/** Control pictures as a list, cut to a region. */
export function controlsIn(control: RgbImage | readonly RgbImage[], region: Region | null): readonly RgbImage[] {
  const images = "data" in control ? [control] : control
  return region === null ? images : images.map((image) => cropImage(image, region))
}

function joinControls({ lllite, control, hole }: AdapterUse, count: number, region: Region | null): ControlImages {
  if (hole !== undefined) return joinHoles({ lllite, control, hole }, count, region)
  const images = controlsIn(control, region)
  const [first] = images
  if (first === undefined || (images.length !== 1 && images.length !== count)) {
    throw new CoreError(
      "control-count",
      `generate: ${images.length} control images for ${count} pictures, expected 1 or ${count}`,
    )
  }
  const { width, height } = first
  const data = new Float32Array(images.length * width * height * 3)
  for (const [i, image] of images.entries()) data.set(imageToFloats(image), i * width * height * 3)
  return { count: images.length, width, height, data }
}

/** The controls with their holes. One control or one hole may be for all pictures. */
function joinHoles(
  { lllite, control, hole }: Pick<AdapterUse, "lllite" | "control"> & { readonly hole: RgbImage | readonly RgbImage[] },
  count: number,
  region: Region | null,
): ControlImages {
  if (![...lllite.adapters.values()].some(({ plan }) => plan.condChannels === 4)) {
    throw new CoreError(
      "control-hole",
      "generate: an adapter has a hole, and the LLLite reads none: it has three channels. Leave the hole out.",
    )
  }
  const [images, holes] = [controlsIn(control, null), controlsIn(hole, null)]
  const length = Math.max(images.length, holes.length)
  if ([images, holes].some((list) => list.length !== 1 && list.length !== count)) {
    throw new CoreError(
      "control-count",
      `generate: ${images.length} control images and ${holes.length} holes for ${count} pictures, expected 1 or ${count}`,
    )
  }
  const parts = Array.from({ length }, (_, i) => {
    const image = images[images.length === 1 ? 0 : i] as RgbImage
    // A later stage may have another size.
    const fitted = resizeImage(
      holes[holes.length === 1 ? 0 : i] as RgbImage,
      image.width,
      image.height,
      "nearest-exact",
    )
    const [shown = image, cut = fitted] = [image, fitted].flatMap((each) => controlsIn(each, region))
    return withHole(shown, maskOf(cut))
  })
  const [{ width, height }] = parts as [(typeof parts)[number]]
  const data = new Float32Array(length * width * height * 4)
  for (const [i, part] of parts.entries()) data.set(part.data, i * width * height * 4)
  return { count: length, width, height, channels: 4, data }
}
