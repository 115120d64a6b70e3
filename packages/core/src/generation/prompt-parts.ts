import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { type PreparedMask, prepareMask } from "../models/masked-tap.ts"
import type { Grid } from "../models/taps.ts"
import { type PartUse, type Span, spanOf } from "./part-settings.ts"
import type { WindowReader } from "./window.ts"

/** The most latents over which the share of an area rises from its edge. Source: ComfyUI `comfy/samplers.py`. */
const SOFT_LATENTS = 8

/** The shares of parts at a pass. [1, H, W, 1] */
export interface PartShares {
  /** The share of each part. Null: the part does not act, and need not be run. */
  readonly parts: readonly (Tensor | null)[]
  /** 1 where no part acts. Null: parts act everywhere. */
  readonly rest: Tensor | null
}

/** The parts of a run's prompts. */
export interface PreparedParts {
  /** The shares at a pass over latents of a grid. They stay the parts'. Their sum is 1 at every latent. */
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
      tf.dispose([...kept.values()].flatMap(({ parts, rest }) => [...parts, rest].filter((share) => share !== null)))
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
  const isOpen = !parts.some(({ area, mask }, i) => (factors[i] ?? 0) > 0 && area === undefined && mask === undefined)
  let rest: Tensor | null = null
  tf.tidy(() => {
    const planes = parts.map((part, i): Tensor | null => {
      const factor = factors[i] ?? 0
      if (factor === 0) return null
      const inside = tf.mul(tf.tensor1d(areaPlane(part, grid)), factor)
      const mask = masks[i]?.at(grid)
      return mask === undefined ? inside : tf.mul(inside, tf.reshape(mask, [height * width]))
    })
    const acting = planes.filter((plane) => plane !== null)
    const sum = acting.reduce((total, plane) => tf.add(total, plane), tf.zeros([height * width]))
    const placed = (plane: Tensor): Tensor => tf.keep(tf.reshape(plane, [1, height, width, 1]))
    for (const [i, plane] of planes.entries()) {
      if (plane !== null) shares[i] = placed(tf.div(plane, tf.maximum(sum, LEAST_SUM)))
    }
    if (isOpen) rest = placed(tf.cast(tf.lessEqual(sum, LEAST_SUM), "float32"))
  })
  return { parts: shares, rest }
}

/** 1 in the area of a part, 0 outside. Without a mask, it rises from the edges inside of the picture. */
function areaPlane({ area, mask }: PartUse, { height, width }: Grid): Float32Array {
  const plane = new Float32Array(height * width)
  if (area === undefined) return plane.fill(1)
  const isSoft = mask === undefined
  const rows = edgeFactors(spanOf(area.top, area.height, height), height, isSoft)
  const columns = edgeFactors(spanOf(area.left, area.width, width), width, isSoft)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) plane[y * width + x] = (rows[y] as number) * (columns[x] as number)
  }
  return plane
}

function edgeFactors({ from, count }: Span, cells: number, isSoft: boolean): Float32Array {
  const soft = isSoft ? Math.max(1, Math.min(SOFT_LATENTS, Math.floor(count / 4))) : 1
  const factors = new Float32Array(cells)
  for (let i = 0; i < count; i++) {
    const rise = from === 0 ? 1 : Math.min(1, (i + 1) / soft)
    const fall = from + count >= cells ? 1 : Math.min(1, (count - i) / soft)
    factors[from + i] = rise * fall
  }
  return factors
}
