import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { TextMix } from "../prompt/text-mix.ts"

/** The encoded chunks of texts: `count` of each, from the row `start` on. */
export interface TextRows {
  readonly start: number
  readonly count: number
}

/** Texts of a run that become one: the first term, then those that are added to it. */
interface Term {
  readonly rows: TextRows | undefined
  readonly weight: number
}

/** How encoded chunks become the states of prompts. */
export interface RowPlan {
  /** Whether the rows are the prompts' as they stand. */
  readonly isPlain: boolean
  /** The terms of each prompt, as many for all. */
  readonly terms: readonly (readonly Term[])[]
  /** The chunks of each prompt. */
  readonly chunks: number
}

/**
 * Plans the states of prompts from encoded chunks.
 *
 * @param texts the rows of the prompts, then those of the texts that `mixes` name, in their order
 * @param mixes one for each prompt. Null: its own states alone
 * @param chunks a multiple of the prompts' own, which are repeated
 */
export function planRows(texts: readonly TextRows[], mixes: readonly (TextMix | null)[], chunks: number): RowPlan {
  const length = 1 + Math.max(0, ...mixes.map((mix) => mix?.others.length ?? 0))
  let next = mixes.length
  const terms = mixes.map((mix, i): readonly Term[] => {
    const own: Term = { rows: texts[i], weight: mix?.weight ?? 1 }
    const others = (mix?.others ?? []).map(({ weight }): Term => ({ rows: texts[next++], weight }))
    const none = Array.from({ length: length - 1 - others.length }, (): Term => ({ rows: undefined, weight: 0 }))
    return [own, ...others, ...none]
  })
  const isPlain =
    mixes.every((mix) => mix === null) && texts.every(({ start, count }, i) => start === i * chunks && count === chunks)
  return { isPlain, terms, chunks }
}

/**
 * The states of prompts. A text that is added is cut to the prompt's own length, or filled with zeros.
 * states: [rows, T, C] → [N, chunks · T, C]
 *
 * Source: ComfyUI `nodes.py`, `ConditioningAverage`.
 */
export function joinRows(states: Tensor3D, { isPlain, terms, chunks }: RowPlan): Tensor3D {
  const [, tokens, width] = states.shape
  const shape: [number, number, number] = [terms.length, chunks * tokens, width]
  if (isPlain) return tf.reshape(states, shape)
  return summed(terms, (term, own) => {
    const places = Array.from({ length: chunks }, (_, k) => {
      const chunk = k % (own?.count ?? 1)
      const { rows } = term
      return rows === undefined || chunk >= rows.count ? null : rows.start + chunk
    })
    return places.map((place) => ({ row: place ?? 0, weight: place === null ? 0 : term.weight }))
  })((rows, weights) =>
    tf.reshape(tf.mul(tf.gather(states, rows), tf.reshape(tf.tensor1d(weights), [-1, 1, 1])), shape),
  ) as Tensor3D
}

/** The pooled states of prompts: those of their first chunks. pooled: [rows, C] → [N, C] */
export function joinPooled(pooled: Tensor2D, { terms }: RowPlan): Tensor2D {
  return summed(terms, ({ rows, weight }) => [{ row: rows?.start ?? 0, weight: rows === undefined ? 0 : weight }])(
    (rows, weights) => tf.mul(tf.gather(pooled, rows), tf.reshape(tf.tensor1d(weights), [-1, 1])),
  ) as Tensor2D
}

/** The sum over the terms of all prompts, a term of each at once. */
function summed(
  terms: RowPlan["terms"],
  placesOf: (term: Term, own: TextRows | undefined) => readonly { readonly row: number; readonly weight: number }[],
): (read: (rows: tf.Tensor1D, weights: number[]) => tf.Tensor) => tf.Tensor {
  return (read) =>
    (terms[0] ?? [])
      .map((_, i) => {
        const places = terms.flatMap((each) => placesOf(each[i] as Term, each[0]?.rows))
        const rows = places.map(({ row }) => row)
        return read(
          tf.tensor1d(rows, "int32"),
          places.map(({ weight }) => weight),
        )
      })
      .reduce((sum, term) => tf.add(sum, term))
}
