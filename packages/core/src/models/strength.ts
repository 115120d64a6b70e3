import type { NetworkLayer } from "@lllite/format"
import { checkArgument } from "../argument.ts"
import type { PassPosition, PassRow } from "../diffusion/pass-position.ts"
import { CoreError } from "../errors.ts"
import { checkRanges } from "../number-range.ts"
import type { Pass } from "./taps.ts"

/** The place that a strength may depend on. */
export interface StrengthPlace {
  /** The layer, with its network and block. */
  readonly layer: NetworkLayer
  readonly position: PassPosition
  readonly row: PassRow
}

/** The factor on what an adapter adds: 0 adds nothing, 1 adds all of it. It is a number, or a function of the place. */
export type Strength = number | ((place: StrengthPlace) => number)

/**
 * The strength of an adapter at a layer, for each of `count` rows.
 *
 * @throws CoreError if the strength is a function and the pass has no position or rows, or if a strength is not finite
 */
export function strengthsAt(strength: Strength, layer: NetworkLayer, count: number, pass: Pass): readonly number[] {
  if (typeof strength !== "function") checkArgument("strength", strength, "a finite number")
  checkArgument("strength: the pass", pass, "an object")
  checkRanges("strength", { count }, { count: { integer: true, min: 0, max: 1_000_000 } })
  if (typeof strength === "number") return Array<number>(count).fill(strength)
  const { position = null, rows = null } = pass as Partial<Pass>
  if (position === null || rows === null) {
    throw new CoreError(
      "strength",
      `strength: a function was given, and the pass has no ${position === null ? "position" : "rows"}. Give the network both, or give a number.`,
    )
  }
  if (rows.length !== count) {
    throw new CoreError(
      "row-count",
      `strength: the pass names ${rows.length} rows, expected one for each of ${count} samples`,
    )
  }
  return rows.map((row) => {
    const value = strength({ layer, position, row })
    if (Number.isFinite(value)) return value
    throw new CoreError(
      "strength",
      `strength: ${value} at "${layer.path}", step ${position.step}, expected a finite number`,
    )
  })
}
