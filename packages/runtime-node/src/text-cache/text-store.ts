import { stat } from "node:fs/promises"
import { countedNotice } from "@lllite/core/names"
import type { EncodedText, TextStore } from "@lllite/core/training"
import { InputError } from "../errors.ts"
import { writeAtomically } from "../files/atomic-write.ts"
import { npzFile, readNpz } from "../npz/npz.ts"
import type { TextEncoders } from "./text-encoders.ts"
import type { TextArrays, TextFacts, TextShape } from "./text-file.ts"
import { isTextArray, textArrays, textFacts, textIn, textPath, textProblem } from "./text-file.ts"

/** How encoded captions are kept beside the pictures. */
export interface TextCacheOptions {
  /** See `readTextEncoders`. */
  readonly encoders: TextEncoders
  /** The program that is followed in how pooled text is projected. Default: as the model does */
  readonly compat?: "sd-scripts"
  /** How the encoders compute, in words: the dtypes of weights and products. Another way makes files stale. Default: "" */
  readonly computation?: string
  /** Opens no file before its step. What does not fit is then encoded in its step. Default: false */
  readonly skipCheck?: boolean
}

/** How captions are read, for all pictures. */
export interface CaptionReading {
  /** Chunks of 75 tokens. */
  readonly chunks: number
  readonly isWeighted: boolean
}

/** A picture whose encoded caption is kept. */
export interface CachedCaption {
  readonly image: string
  readonly caption: string
  /** Whether the caption is what its file or entry has, without a prefix and the like. */
  readonly isAsWritten: boolean
  /** Whether another picture of the data set has the same path without its ending, and another caption. */
  readonly sharesPath: boolean
  /** When the file was changed that has the caption, in milliseconds. Null: there is none. */
  readonly changed: () => Promise<number | null>
}

/** Tokens of a chunk, without its start and end. */
const CHUNK_TOKENS = 75

/**
 * Keeps encoded captions in files beside the pictures, which sd-scripts reads and writes, too. A file is used if its
 * arrays have the shape for the tokens, only finite values, and it says the same caption, encoders and reading. Files of
 * other programs do not say those, see `foreignProblem`.
 *
 * Source: sd-scripts `library/strategy_sdxl.py`.
 *
 * @param captionAt the caption of an example, by the example's index
 */
export function createTextFiles(
  options: TextCacheOptions,
  reading: CaptionReading,
  captionAt: (index: number) => CachedCaption,
): TextStore & { notices(): readonly string[] } {
  const { encoders, skipCheck = false } = options
  const shape: TextShape = { tokens: CHUNK_TOKENS * reading.chunks + 2, widths: encoders.widths }
  const words = readingText(options, reading)
  const found = { unchecked: [] as string[], stale: [] as string[], reason: "" }
  const pathOf = ({ image, caption, sharesPath }: CachedCaption): string => textPath(image, sharesPath ? caption : null)
  const factsOf = ({ caption }: CachedCaption): TextFacts => ({
    encoders: encoders.fingerprint,
    caption,
    reading: words,
  })

  /** The arrays of a file, and why they cannot be used, as a clause. "unchecked": they can, and say nothing of it. */
  const examine = async (path: string, cached: CachedCaption): Promise<readonly [TextArrays, string | null]> => {
    let arrays: TextArrays
    try {
      arrays = await readNpz(path, isTextArray)
    } catch (error) {
      if (error instanceof InputError) return [new Map(), "it is damaged"]
      throw error
    }
    const problem = textProblem(arrays, shape)
    if (problem !== null) return [arrays, problem]
    const facts = textFacts(arrays)
    if (facts === null) return [arrays, (await foreignProblem(path, cached, options, reading)) ?? "unchecked"]
    const wanted = factsOf(cached)
    if (facts.caption !== wanted.caption) return [arrays, "its caption is another"]
    if (facts.encoders !== wanted.encoders) return [arrays, "its text encoders are others"]
    return [arrays, facts.reading === wanted.reading ? null : "its caption was read in another way"]
  }

  return {
    async has(index) {
      const cached = captionAt(index)
      const path = pathOf(cached)
      if (!(await isFile(path))) return false
      if (skipCheck) return true
      const [, problem] = await examine(path, cached)
      if (problem === "unchecked") found.unchecked.push(path)
      if (problem === null || problem === "unchecked") return true
      if (found.stale.length === 0) found.reason = problem
      found.stale.push(path)
      return false
    },

    async read(index): Promise<EncodedText | null> {
      const cached = captionAt(index)
      const [arrays, problem] = await examine(pathOf(cached), cached)
      return problem === null || problem === "unchecked" ? textIn(arrays, shape) : null
    },

    async write(index, text) {
      const cached = captionAt(index)
      await writeAtomically(pathOf(cached), npzFile(textArrays(text, shape, factsOf(cached))))
    },

    notices: () => [
      ...countedNotice(
        found.stale,
        "files of encoded captions",
        (subject, isOne) =>
          `${subject} ${isOne ? "is" : "are"} made anew. The reason${isOne ? "" : " of the first"}: ${found.reason}.`,
      ),
      ...countedNotice(
        found.unchecked,
        "files of encoded captions",
        (subject, isOne) =>
          `${subject} ${isOne ? "is" : "are"} of another program, and ${isOne ? "does" : "do"} not say which caption and model ${isOne ? "it is" : "they are"} of. ` +
          `${isOne ? "It is" : "They are"} used. Remove ${isOne ? "it" : "them"} if one of these was another.`,
      ),
    ],
  }
}

/**
 * Why a file of another program cannot be used, as a clause. It does not say its caption, its encoders and how the
 * caption was read. So it counts as made by sd-scripts' LLLite trainer with the same checkpoint.
 */
async function foreignProblem(
  path: string,
  { isAsWritten, changed }: CachedCaption,
  { encoders, compat }: TextCacheOptions,
  { isWeighted }: CaptionReading,
): Promise<string | null> {
  if (!encoders.projectsAlike && compat === undefined) {
    return "it is of another program, which may project pooled text the other way round. compat sd-scripts does so, too"
  }
  if (isWeighted) return "it is of another program, and does not say whether weights in its caption were read"
  if (!isAsWritten) return "it is of another program, which encodes captions as their files have them"
  const of = await changed()
  return of !== null && (await stat(path)).mtimeMs < of ? "its caption was changed after it" : null
}

/** What an encoded caption depends on beside its text and the encoders. */
function readingText(
  { encoders, compat, computation = "" }: TextCacheOptions,
  { chunks, isWeighted }: CaptionReading,
): string {
  const pooled = compat === undefined || encoders.projectsAlike ? "the model" : compat
  return [
    `${CHUNK_TOKENS * chunks} tokens`,
    isWeighted ? "with weights" : "without weights",
    "layer before the last",
    `pooled as ${pooled}`,
    ...(computation === "" ? [] : [computation]),
  ].join(", ")
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
