import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import { imageToFloats } from "../image.ts"
import type { PreparedControl } from "../models/lllite/adapter.ts"
import { llliteTap, prepareControl } from "../models/lllite/adapter.ts"
import type { LlliteParams } from "../models/lllite/params.ts"
import type { Strength } from "../models/strength.ts"
import { chainTaps, sumTaps } from "../models/taps.ts"
import type { Ops } from "../ops/ops.ts"
import { GENERATE_DEFAULTS } from "./defaults.ts"

/** An LLLite and how it is used. */
export interface AdapterUse {
  readonly lllite: LlliteParams
  /** One control image for each picture of the batch, or one for all; of the pictures' size. */
  readonly control: RgbImage | readonly RgbImage[]
  /** How much of the adapter is added: a number, or one for every place of a pass. Default: 1. */
  readonly strength?: Strength
  /** Where on the noise schedule it begins, 0 (pure noise) to 1 (no noise). Default: 0. */
  readonly start?: number
  /** Where it ends. Default: 1. */
  readonly end?: number
}

/** An adapter with its control's share computed. The caller disposes it. */
export interface PreparedAdapter {
  readonly use: AdapterUse
  readonly control: PreparedControl
  dispose(): void
}

/**
 * Computes what an adapter makes of its control: once for a run.
 *
 * @throws CoreError when the controls are neither one nor one for each picture
 */
export function prepareAdapter(ops: Ops, use: AdapterUse, pictures: number): PreparedAdapter {
  const control = prepareControl(ops, use.lllite, joinControls(use, pictures))
  return { use, control, dispose: () => control.dispose() }
}

/** What stands before the layers at a place on the noise schedule, 0 (pure noise) to 1. */
export function tapAt(
  ops: Ops,
  adapters: readonly PreparedAdapter[],
  progress: number,
  combine: "chain" | "sum",
): ReturnType<typeof chainTaps> {
  const active = adapters.flatMap(
    ({ use: { lllite, strength = GENERATE_DEFAULTS.strength, start = 0, end = 1 }, control }) =>
      progress >= start && progress <= end ? [llliteTap(ops, lllite, control, strength)] : [],
  )
  return combine === "chain" ? chainTaps(active) : sumTaps(active)
}

function joinControls({ control }: AdapterUse, count: number): Parameters<typeof prepareControl>[2] {
  const images = "data" in control ? [control] : control
  const [first] = images
  if (first === undefined || (images.length !== 1 && images.length !== count)) {
    throw new CoreError(`generate: ${images.length} control images for ${count} pictures, expected 1 or ${count}`)
  }
  const { width, height } = first
  const data = new Float32Array(images.length * width * height * 3)
  for (const [i, image] of images.entries()) data.set(imageToFloats(image), i * width * height * 3)
  return { count: images.length, width, height, data }
}
