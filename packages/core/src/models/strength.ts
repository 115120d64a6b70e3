import type { NetworkLayer } from "@lllite/format"
import type { PassPosition, PassRow } from "../diffusion/pass-position.ts"
import { CoreError } from "../errors.ts"
import type { Pass } from "./taps.ts"

/** What a strength may depend on. */
export interface StrengthPlace {
  /** The layer, with its network and block. */
  readonly layer: NetworkLayer
  readonly position: PassPosition
  readonly row: PassRow
}

/** How much of an adapter is added: 0 is nothing, 1 all of it. A number, or one for every place. */
export type Strength = number | ((place: StrengthPlace) => number)

/**
 * The strength of an adapter at a layer, for each of `count` rows.
 *
 * @throws CoreError if a function is asked and the pass does not say where it stands, or a strength is not finite
 */
export function strengthsAt(strength: Strength, layer: NetworkLayer, count: number, pass: Pass): readonly number[] {
  if (typeof strength === "number") return Array<number>(count).fill(strength)
  const { position, rows } = pass
  if (position === null || rows === null) {
    throw new CoreError(
      `strength: a function was given, and the pass has no ${position === null ? "position" : "rows"}. Give the network both, or give a number.`,
    )
  }
  if (rows.length !== count) {
    throw new CoreError(`strength: the pass names ${rows.length} rows, expected one for each of ${count} samples`)
  }
  return rows.map((row) => {
    const value = strength({ layer, position, row })
    if (Number.isFinite(value)) return value
    throw new CoreError(`strength: ${value} at "${layer.path}", step ${position.step}, expected a finite number`)
  })
}
