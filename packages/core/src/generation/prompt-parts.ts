import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import { type PreparedMask, prepareMask } from "../models/masked-tap.ts"
import type { Grid } from "../models/taps.ts"
import { checkRanges, type NumberRange } from "../number-range.ts"
import { partsOfPrompt } from "../prompt/composed.ts"
import type { PromptOptions } from "../prompt/options.ts"
import { checkWindow, type WindowReader } from "./window.ts"

/** A rectangle of the picture. Sides are parts of the picture's sides, from 0 to 1. */
export interface PictureArea {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** When, where and how much a part of a prompt guides. All fields multiply. */
export interface PartSettings {
  /** Its share beside other parts. Default: 1. */
  readonly strength?: number
  /** Where it begins on the noise schedule, from 0 (noise) to 1. Default: 0. */
  readonly start?: number
  /** Where it ends. Default: 1. */
  readonly end?: number
  /** The rectangle in which it guides. Its edges inside of the picture are soft. Default: all. */
  readonly area?: PictureArea
}

/** A part of a prompt with its mask. */
export interface PartUse extends PartSettings {
  /** White is where it guides. A mask of another size is resized. Default: everywhere. */
  readonly mask?: RgbImage
}

export const PART_RANGES = {
  strength: { min: 0, max: 10 },
  left: { min: 0, max: 1 },
  top: { min: 0, max: 1 },
  width: { min: 0, max: 1 },
  height: { min: 0, max: 1 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Latents over which the share of an area rises from its edge. Source: ComfyUI `comfy/samplers.py`. */
const SOFT_LATENTS = 8

/**
 * Checks the parts of prompts.
 *
 * @throws CoreError for a number out of range, and where a prompt has another number of parts
 */
export function checkParts(
  parts: readonly PartSettings[],
  requests: readonly { readonly prompt: string }[],
  prompts: PromptOptions = {},
): void {
  for (const [i, { strength, area, ...window }] of parts.entries()) {
    const place = `generate: parts[${i}]`
    checkRanges(place, { strength, ...area }, PART_RANGES)
    checkWindow(place, window)
  }
  for (const { prompt } of requests) {
    const { length } = partsOfPrompt(prompt, prompts)
    if (length === parts.length) continue
    throw new CoreError(
      "control-count",
      `generate: parts has ${parts.length} entries, and a prompt has ${length} parts. Expected one for each, with AND between the parts of a prompt.`,
    )
  }
}

/** The share of each part at a pass. Null: the part does not act, and need not be run. [1, H, W, 1] */
export type PartShares = readonly (Tensor | null)[]

/** The parts of a run's prompts. */
export interface PreparedParts {
  /** The shares at a pass over latents of a grid. They stay the parts'. Where any part acts, their sum is 1. */
  at(grid: Grid, window: WindowReader): PartShares
  dispose(): void
}

/** Prepares parts once for a run. The caller disposes the result. */
export function prepareParts(parts: readonly PartUse[]): PreparedParts {
  const masks = parts.map(({ mask }) => (mask === undefined ? null : prepareMask([mask], 0)))
  const kept = new Map<string, PartShares>()
  return {
    at(grid, window) {
      const factors = parts.map(({ strength = 1, start = 0, end = 1 }) => strength * window({ start, end }))
      const key = JSON.stringify([grid, factors])
      const found = kept.get(key)
      if (found !== undefined) return found
      const made = sharesOf(parts, masks, factors, grid)
      kept.set(key, made)
      return made
    },
    dispose() {
      for (const mask of masks) mask?.dispose()
      tf.dispose([...kept.values()].flatMap((shares) => shares.filter((share) => share !== null)))
      kept.clear()
    },
  }
}

/** Without this, latents where no part acts would divide by 0. */
const LEAST_SUM = 1e-12

function sharesOf(
  parts: readonly PartUse[],
  masks: readonly (PreparedMask | null)[],
  factors: readonly number[],
  grid: Grid,
): PartShares {
  const { height, width } = grid
  const shares: (Tensor | null)[] = parts.map(() => null)
  tf.tidy(() => {
    const planes = parts.map(({ area }, i): Tensor | null => {
      const factor = factors[i] ?? 0
      if (factor === 0) return null
      const inside = tf.mul(tf.tensor1d(areaPlane(area, grid)), factor)
      const mask = masks[i]?.at(grid)
      return mask === undefined ? inside : tf.mul(inside, tf.reshape(mask, [height * width]))
    })
    const acting = planes.filter((plane) => plane !== null)
    const sum = acting.reduce((total, plane) => tf.add(total, plane), tf.zeros([height * width]))
    for (const [i, plane] of planes.entries()) {
      if (plane === null) continue
      shares[i] = tf.keep(tf.reshape(tf.div(plane, tf.maximum(sum, LEAST_SUM)), [1, height, width, 1]))
    }
  })
  return shares
}

/** 1 in an area, 0 outside. Within `SOFT_LATENTS` of an edge inside of the picture it rises from 1 / `SOFT_LATENTS`. */
function areaPlane(area: PictureArea | undefined, { height, width }: Grid): Float32Array {
  const plane = new Float32Array(height * width)
  if (area === undefined) return plane.fill(1)
  const rows = edgeFactors(area.top, area.height, height)
  const columns = edgeFactors(area.left, area.width, width)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) plane[y * width + x] = (rows[y] as number) * (columns[x] as number)
  }
  return plane
}

function edgeFactors(start: number, size: number, cells: number): Float32Array {
  const from = Math.round(start * cells)
  const count = Math.min(Math.max(1, Math.round(size * cells)), cells - from)
  const factors = new Float32Array(cells)
  for (let i = 0; i < count; i++) {
    const rise = from === 0 ? 1 : Math.min(1, (i + 1) / SOFT_LATENTS)
    const fall = from + count >= cells ? 1 : Math.min(1, (count - i) / SOFT_LATENTS)
    factors[from + i] = rise * fall
  }
  return factors
}
