import { isReadableDtype, toFloat32 } from "@lllite/format"
import { checkArgument, checkGiven } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { listText } from "../../list-text.ts"
import type { PromptOptions } from "../../prompt/options.ts"
import { checkFile } from "../given.ts"
import type { WeightFile } from "../weight-reader.ts"
import type { Tokenizer } from "./tokenizer.ts"
import type { TextEncoderParams } from "./weights.ts"

/** A textual inversion: a word that stands for vectors, which take the places of token embeddings. */
export interface TextualInversion {
  /** The word in prompts, usually the name of its file. */
  readonly name: string
  /** The number of vectors, each of which takes the place of one token. */
  readonly vectors: number
  /** For the first encoder. [vectors, width], row-major */
  readonly text1: Float32Array
  /** For the second encoder. [vectors, width], row-major */
  readonly text2: Float32Array
}

/** The keys of both encoders' vectors: those of kohya, A1111 and ComfyUI, and those of diffusers. */
const KEYS = [
  ["clip_l", "clip_g"],
  ["text_encoders_0", "text_encoders_1"],
] as const

/**
 * Reads a textual inversion for SDXL.
 *
 * @param name its word in prompts
 * @throws CoreError for a file without vectors for both encoders, or with as many as do not fit each other
 */
export async function readTextualInversion(file: WeightFile, name: string): Promise<TextualInversion> {
  checkFile("textual inversion", file)
  checkArgument("textual inversion: its name", name, "text")
  const { entries, label } = file
  const keys = KEYS.find((pair) => pair.some((key) => entries.has(key))) ?? KEYS[0]
  const read = async (key: string): Promise<{ readonly rows: number; readonly values: Float32Array }> => {
    const entry = entries.get(key)
    if (entry === undefined || !isReadableDtype(entry.dtype) || entry.shape.length > 2) {
      const found = [...entries].map(([found, { dtype, shape }]) => `"${found}" ${dtype} [${shape.join(", ")}]`)
      throw new CoreError(
        "textual-inversion",
        `${label} has ${found.slice(0, 3).join(", ") || "no tensor"}, expected vectors "${keys[0]}" and "${keys[1]}".${baseOf(entries)} Give a textual inversion for SDXL.`,
      )
    }
    const [rows = 1] = entry.shape.length === 2 ? entry.shape : [1]
    return { rows, values: toFloat32(await entry.read(), entry.dtype) }
  }
  const [first, second] = [await read(keys[0]), await read(keys[1])]
  if (first.rows !== second.rows || first.rows === 0) {
    throw new CoreError(
      "textual-inversion",
      `${label} has ${first.rows} vectors for the first text encoder and ${second.rows} for the second, expected as many for both`,
    )
  }
  return { name, vectors: first.rows, text1: first.values, text2: second.values }
}

/** For which other base a textual inversion with one list of vectors is, by their width. */
function baseOf(entries: WeightFile["entries"]): string {
  const width = entries.get("emb_params")?.shape.at(-1) ?? 0
  const base = new Map([
    [768, "Stable Diffusion 1"],
    [1024, "Stable Diffusion 2"],
  ]).get(width)
  return base === undefined ? "" : ` It is for ${base}.`
}

/** A text model with textual inversions. */
interface WithInversions {
  readonly tokenizer: Tokenizer
  readonly text1: TextEncoderParams
  readonly text2: TextEncoderParams
}

/**
 * A text model that knows textual inversions. Their vectors have the ids after the vocabulary. A name counts where it
 * stands as a word of its own, in any case, also as ComfyUI's `embedding:name`.
 *
 * @param compat `sd-scripts` finds names in words, too, in their own case; and `name1`, `name2` … are single vectors
 * @throws CoreError for vectors of another width, or two inversions of one name
 */
export function withInversions<T extends WithInversions>(
  model: T,
  inversions: readonly TextualInversion[],
  compat: PromptOptions["compat"] = null,
): T {
  checkGiven("textual inversions: the model", model, "text1", "loadSdxl")
  checkArgument("textual inversions: the list", inversions, "a list")
  if (inversions.length === 0) return model
  const { text1, text2, tokenizer } = model
  checkInversions(inversions, text1.config.width, text2.config.width)
  return {
    ...model,
    tokenizer: tokenizerOf(tokenizer, inversions, compat),
    text1: { ...text1, added: joined(inversions.map((one) => one.text1)) },
    text2: { ...text2, added: joined(inversions.map((one) => one.text2)) },
  }
}

/** A tokenizer that knows the names of textual inversions, see `withInversions`. */
export function tokenizerOf(
  tokenizer: Tokenizer,
  inversions: readonly Pick<TextualInversion, "name" | "vectors">[],
  compat: PromptOptions["compat"] = null,
): Tokenizer {
  if (inversions.length === 0) return tokenizer
  const ids = new Map<string, readonly number[]>()
  let next = tokenizer.vocabularySize
  const isExact = compat === "sd-scripts"
  for (const { name, vectors } of inversions) {
    const own = Array.from({ length: vectors }, (_, i) => next + i)
    next += vectors
    ids.set(isExact ? name : name.toLowerCase(), own)
    if (isExact) for (const [i, id] of own.entries()) if (i > 0) ids.set(`${name}${i}`, [id])
  }
  const pattern = namePattern([...ids.keys()], isExact)
  return {
    ...tokenizer,
    // Every second part is a name.
    encode: (text) =>
      text.split(pattern).flatMap((part, i) => {
        if (i % 2 === 0) return tokenizer.encode(part)
        return ids.get(isExact ? part : part.toLowerCase()) ?? []
      }),
  }
}

/** The names in a text as its one group. Of two names that begin alike, the longer one comes first. */
function namePattern(names: readonly string[], isExact: boolean): RegExp {
  const any = [...names]
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"))
    .join("|")
  if (isExact) return new RegExp(`(?:embedding:)?(${any})`, "u")
  const ending = String.raw`(?:\.safetensors|\.pt|\.bin)?(?![\p{L}\p{N}_])`
  return new RegExp(String.raw`(?<![\p{L}\p{N}_])(?:embedding:)?(${any})${ending}`, "iu")
}

function checkInversions(inversions: readonly TextualInversion[], width1: number, width2: number): void {
  const names = new Set<string>()
  for (const { name, vectors, text1, text2 } of inversions) {
    const key = name.toLowerCase()
    const refuse = (problem: string): CoreError =>
      new CoreError("textual-inversion", `textual inversion "${name}": ${problem}`)
    if (name.trim() === "") throw refuse("it has no name, expected a word")
    if (names.has(key)) throw refuse("two have this name, expected one. Rename a file.")
    names.add(key)
    if (text1.length !== vectors * width1 || text2.length !== vectors * width2) {
      const widths = [text1, text2].map((values) => values.length / vectors)
      throw refuse(
        `its vectors are ${listText(widths, "and")} wide, those of this SDXL ${width1} and ${width2}. Give one for SDXL.`,
      )
    }
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
