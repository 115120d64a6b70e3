import { createHash } from "node:crypto"
import { join, parse } from "node:path"
import type { EncodedText } from "@lllite/core/training"
import { FACTS, factsArray, factsIn } from "../npz/facts.ts"
import type { NumpyArray } from "../npz/npy.ts"

/** What an encoded caption was made of, and how. */
export interface TextFacts {
  /** The fingerprint of the text encoders. */
  readonly encoders: string
  readonly caption: string
  /** How the caption was read: tokens, weights, layer and projection, in words. */
  readonly reading: string
}

/** The shape of an encoded caption. */
export interface TextShape {
  readonly tokens: number
  /** Widths of the hidden states of both encoders, and of pooled text. */
  readonly widths: readonly [first: number, second: number, pooled: number]
}

/** The arrays of a file of an encoded caption. */
export type TextArrays = ReadonlyMap<string, NumpyArray>

/** Names of sd-scripts' arrays: hidden states of both encoders [tokens, width], and pooled text [width]. */
const [FIRST, SECOND, POOLED] = ["hidden_state1", "hidden_state2", "pool2"]

/**
 * The path of the file that keeps a picture's encoded caption: `stem_te_outputs.npz`.
 *
 * Source: sd-scripts `SdxlTextEncoderOutputsCachingStrategy.get_outputs_npz_path`.
 *
 * @param caption the caption, if other captions of the same path stand in the data set, too. The name then ends in its
 * hash
 */
export function textPath(image: string, caption: string | null = null): string {
  const { dir, name } = parse(image)
  const ending = caption === null ? "" : `_${createHash("sha256").update(caption).digest("hex").slice(0, 12)}`
  return join(dir, `${name}_te_outputs${ending}.npz`)
}

/** Whether an array of a file is one that is read. */
export function isTextArray(name: string): boolean {
  return [FIRST, SECOND, POOLED, FACTS].includes(name)
}

/** The arrays of a file of an encoded caption, as sd-scripts reads them. */
export function textArrays(
  { context, pooled }: EncodedText,
  { tokens, widths }: TextShape,
  facts: TextFacts,
): TextArrays {
  const [first, second] = widths
  const states = [new Float32Array(tokens * first), new Float32Array(tokens * second)] as const
  for (let token = 0; token < tokens; token++) {
    const at = token * (first + second)
    states[0].set(context.subarray(at, at + first), token * first)
    states[1].set(context.subarray(at + first, at + first + second), token * second)
  }
  return new Map<string, NumpyArray>([
    [FIRST, { shape: [tokens, first], values: states[0] }],
    [SECOND, { shape: [tokens, second], values: states[1] }],
    [POOLED, { shape: [pooled.length], values: pooled }],
    [FACTS, factsArray(facts)],
  ])
}

/** What is wrong with the arrays of a file for a shape, as a clause. Null: they fit. */
export function textProblem(arrays: TextArrays, { tokens, widths }: TextShape): string | null {
  const [first, second, pooled] = widths
  const expected = [
    [FIRST, [tokens, first]],
    [SECOND, [tokens, second]],
    [POOLED, [pooled]],
  ] as const
  for (const [name, shape] of expected) {
    const array = arrays.get(name)
    if (array === undefined) return `${name} is missing`
    if (array.shape.join() !== shape.join()) return `${name} is ${array.shape.join("x")}, expected ${shape.join("x")}`
    if (!(array.values instanceof Float32Array)) return `${name} has numbers that are not floats`
    if (!array.values.every(Number.isFinite)) return `${name} has values that are not finite`
  }
  return null
}

/** What this program wrote about a file's caption. Null: another program made it. */
export function textFacts(arrays: TextArrays): TextFacts | null {
  return factsIn(arrays.get(FACTS), isFacts)
}

/** The encoded caption of a file that fits. */
export function textIn(arrays: TextArrays, { tokens, widths }: TextShape): EncodedText {
  const [first, second] = widths
  const context = new Float32Array(tokens * (first + second))
  const [one, two] = [floatsOf(arrays, FIRST), floatsOf(arrays, SECOND)]
  for (let token = 0; token < tokens; token++) {
    const at = token * (first + second)
    context.set(one.subarray(token * first, (token + 1) * first), at)
    context.set(two.subarray(token * second, (token + 1) * second), at + first)
  }
  return { context, pooled: floatsOf(arrays, POOLED) }
}

function floatsOf(arrays: TextArrays, name: string): Float32Array {
  const values = arrays.get(name)?.values
  return values instanceof Float32Array ? values : new Float32Array()
}

function isFacts(value: unknown): value is TextFacts {
  if (typeof value !== "object" || value === null) return false
  const { encoders, caption, reading } = value as Record<string, unknown>
  return [encoders, caption, reading].every((text) => typeof text === "string")
}
