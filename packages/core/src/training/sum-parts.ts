import { checkArgument, checkGiven } from "../argument.ts"
import { checkRanges } from "../number-range.ts"
import type { LossAndGradients } from "./gradients.ts"

/** The most parts that are added one after another. Above 64 parts it is twice as many, so that few sums are left. */
const MOST = 8

/** Parts that follow each other: the first one, and the one after the last. */
export type PartGroup = readonly [from: number, to: number]

/**
 * The groups in which the parts of a batch are added. Each group is added in its order, and then the groups' sums are. So
 * another process can add a group, and the result has the same bytes. Up to 8 parts are one group.
 */
export function groupsOfParts(count: number): readonly PartGroup[] {
  checkRanges("training", { count }, { count: { integer: true, min: 0, max: 1_000_000 } })
  const groups = Math.ceil(count / (count <= MOST * MOST ? MOST : 2 * MOST))
  const size = Math.ceil(count / groups)
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => [i * size, Math.min(count, (i + 1) * size)] as const)
}

/** The sum of a group's parts, each times its share, in their order. Its repeats are those of all parts. */
export function sumGroup(parts: readonly LossAndGradients[], shares: readonly number[]): LossAndGradients {
  checkArgument("training: the parts", parts, "a list")
  for (const part of parts) {
    checkGiven("training: a part", part, "gradients", "lossAndGradients")
    checkArgument("training: the gradients of a part", part.gradients, "a list of numbers")
    checkArgument("training: the loss of a part", part.loss, "a number")
  }
  checkArgument("training: the shares", shares, "a list")
  const gradients = new Float32Array(parts[0]?.gradients.length ?? 0)
  let loss = 0
  for (const [i, part] of parts.entries()) {
    const share = shares[i] ?? 0
    loss += part.loss * share
    const own = part.gradients
    for (let j = 0; j < gradients.length; j++) gradients[j] = (gradients[j] as number) + (own[j] ?? 0) * share
  }
  const repeats = parts.reduce((sum, part) => sum + (part.repeats ?? 0), 0)
  return repeats === 0 ? { loss, gradients } : { loss, gradients, repeats }
}

/** The result of a part, or of a whole group of parts. */
export interface PartResult extends LossAndGradients {
  /** The number of parts of which this is the sum by `sumGroup`. Default: it is one part, without its share. */
  readonly sumOf?: number
}

/**
 * The mean of a batch's rows.
 *
 * @param rows the numbers of rows of the parts. Each part is the mean of its rows
 * @param results of all parts in their order, where any group may be one sum
 */
export function sumParts(rows: readonly number[], results: readonly PartResult[]): LossAndGradients {
  const all = rows.reduce((sum, count) => sum + count, 0)
  let at = 0
  const sums = groupsOfParts(rows.length).map(([from, to]): LossAndGradients => {
    const first = results[at]
    if (first?.sumOf !== undefined) {
      at += 1
      return first
    }
    const parts = results.slice(at, at + to - from)
    at += parts.length
    return sumGroup(
      parts,
      rows.slice(from, to).map((count) => count / all),
    )
  })
  const [only] = sums
  return sums.length === 1 && only !== undefined
    ? only
    : sumGroup(
        sums,
        sums.map(() => 1),
      )
}

/** How many parts a result stands for. */
export function partsOf({ sumOf = 1 }: PartResult): number {
  return sumOf
}
