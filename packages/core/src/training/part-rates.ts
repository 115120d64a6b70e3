import { CoreError } from "../errors.ts"
import type { ValuePart } from "./value-part.ts"

/**
 * Gives groups of parts separate learning rates: scales the move of each part after an update. It is right for
 * optimisers whose move is proportional to the rate; see `checkPartRates`.
 *
 * @param factors by group
 * @param parts of the model. They are needed for factors other than 1
 * @returns changes the values in place
 * @throws CoreError for a group that the model does not have
 */
export function createPartScaler(
  factors: Readonly<Record<string, number>> = {},
  parts: readonly ValuePart[] = [],
): (values: Float32Array, before: Float32Array) => void {
  const groups = new Set(parts.map(({ group }) => group))
  for (const group of Object.keys(factors)) {
    if (groups.has(group)) continue
    throw new CoreError(
      "option-unknown",
      `training: partRates has "${group}", expected groups of the model: ${[...groups].join(", ") || "it has none"}`,
    )
  }
  const scaled = parts.flatMap(({ group, offset, size }) => {
    const factor = Object.hasOwn(factors, group) ? (factors[group] as number) : 1
    return factor === 1 ? [] : [{ factor, offset, size }]
  })
  return (values, before) => {
    for (const { factor, offset, size } of scaled) {
      for (let i = offset; i < offset + size; i++) {
        const old = before[i] as number
        values[i] = old + factor * ((values[i] as number) - old)
      }
    }
  }
}
