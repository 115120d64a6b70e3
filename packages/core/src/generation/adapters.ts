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

/** An LLLite with the settings of its use. */
export interface AdapterUse {
  readonly lllite: LlliteParams
  /** One control image for each picture of the batch, or one for all. It has the pictures' size. */
  readonly control: RgbImage | readonly RgbImage[]
  /** The factor on what the adapter adds: a number, or a function of the place. Default: 1. */
  readonly strength?: Strength
  /** Where it begins on the noise schedule, from 0 (pure noise) to 1 (no noise). Default: 0. */
  readonly start?: number
  /** Where it ends on the noise schedule. Default: 1. */
  readonly end?: number
}

/** An adapter with the values for its control. The caller disposes it. */
export interface PreparedAdapter {
  readonly use: AdapterUse
  readonly control: PreparedControl
  dispose(): void
}

/**
 * Computes an adapter's values for its control, once for a run. The caller disposes the result.
 *
 * @throws CoreError when the number of control images is neither 1 nor `pictures`
 */
export function prepareAdapter(ops: Ops, use: AdapterUse, pictures: number): PreparedAdapter {
  const control = prepareControl(ops, use.lllite, joinControls(use, pictures))
  return { use, control, dispose: () => control.dispose() }
}

/** The tap of the adapters at a position on the noise schedule, from 0 (pure noise) to 1. */
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
