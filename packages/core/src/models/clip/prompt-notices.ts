import { checkArgument } from "../../argument.ts"
import { countedNotice } from "../../notice.ts"
import type { PromptOptions } from "../../prompt/options.ts"
import { checkPromptOptions, PROMPT_DEFAULTS } from "../../prompt/options.ts"
import type { WeightedText } from "../../prompt/weights.ts"
import { checkTokenizer } from "../given.ts"
import { CHUNK_LENGTH } from "./prompt.ts"
import { type TextualInversion, tokenizerOf } from "./textual-inversion.ts"
import type { Tokenizer } from "./tokenizer.ts"
import { chunkCount, readPrompt } from "./weighted-prompt.ts"

/** Syntax of other programs that is text here, with what it is. Programs that follow it have removed it from prompts. */
const TEXT_HERE: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/<(?:lora|lyco|hypernet):[^<>]*>/i, "a LoRA or hypernetwork"],
  [/\bembedding:[^\s,()[\]]+/i, "a textual inversion"],
  // The name of a textual inversion may have such letters, too.
  [/(?<!\bembedding:[^\s,()[\]]*)__[\w*/-]*[a-z0-9*][\w*/-]*__/i, "a wildcard"],
  [/\{[^{}]*\|[^{}]*\}/, "alternatives"],
  [/\{[^{}]*\|[^{}]*$/, "alternatives without their closing brace"],
  [/^[^{}]*\|[^{}]*\}/, "alternatives without their opening brace"],
  [/(?:^|\s)--[a-z]{1,3}(?=\s|$)/, "an option of a prompt file"],
  [/\[[^[\]]*\|[^[\]]*\]/, "alternating words"],
  [/\[[^[\]]*:[^[\]]*:\s*[\d.]+\s*\]/, "a change during the steps"],
  [/(?:^|\s)AND(?=\s)/, "a prompt of several parts"],
]

/** Characters of a prompt that a notice shows. */
const SHOWN = 60

/**
 * What is not read of prompts, or not as letters, one sentence each: tokens beyond the limit, weights, and syntax that is
 * not followed. A kind gets one notice, with the number of prompts and the first.
 *
 * @param prompts as they reach the text encoders. A prompt may occur several times
 * @param inversions the textual inversions whose names are followed
 */
export function promptNotices(
  tokenizer: Tokenizer,
  prompts: readonly string[],
  options: PromptOptions = {},
  inversions: readonly Pick<TextualInversion, "name" | "vectors">[] = [],
): readonly string[] {
  checkTokenizer("prompts", tokenizer)
  checkArgument("prompts: the list", prompts, "a list of texts")
  checkArgument("prompts: the options", options, "an object")
  checkPromptOptions("prompts", options)
  checkArgument("prompts: the textual inversions", inversions, "a list")
  const known = tokenizerOf(tokenizer, inversions, options.compat)
  /** The prompt without the syntax of textual inversions that are followed. */
  const unknownSyntax = (prompt: string): string =>
    prompt.replace(/\bembedding:([^\s,()[\]]+)/gi, (whole, found: string) =>
      isKnown(found.replace(/(\.safetensors|\.pt|\.bin)?(:.*)?$/i, "")) ? found : whole,
    )
  const isKnown = (name: string): boolean => inversions.some((one) => one.name.toLowerCase() === name.toLowerCase())
  const { syntax, maxChunks, compat } = { ...PROMPT_DEFAULTS, ...options }
  const distinct = [...new Set(prompts)].map((prompt) => {
    const runs = readPrompt(prompt, syntax)
    return { prompt, syntax: unknownSyntax(prompt), runs, chunks: chunkCount(known, runs, compat) }
  })
  type Read = (typeof distinct)[number]
  const about = (has: (read: Read) => boolean, sentence: (subject: string, isOne: boolean) => string) =>
    countedNotice(
      distinct.filter(has).map(({ prompt }) => shortened(prompt)),
      "prompts",
      sentence,
    )
  const limit = maxChunks ?? Number.POSITIVE_INFINITY
  const longest = Math.max(1, ...distinct.map(({ chunks }) => chunks))
  return [
    ...about(
      ({ chunks }) => chunks > limit,
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} more than ${limit * CHUNK_LENGTH} tokens. The rest is not read.`,
    ),
    ...about(
      ({ chunks }) => chunks > 1 && chunks <= limit,
      (subject, isOne) =>
        `${subject} ${isOne ? "is" : "are"} too long for one chunk of ${CHUNK_LENGTH} tokens, or ${isOne ? "has" : "have"} a BREAK. ` +
        `${isOne ? `It is read in ${longest} chunks` : `They are read in up to ${longest} chunks`}.`,
    ),
    ...about(
      ({ runs }) => runs.some(({ weight }) => weight !== 1),
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} brackets, which are read as weights: ${weightsOf(distinct)}. ` +
        "A backslash before a bracket makes it a letter.",
    ),
    ...TEXT_HERE.flatMap(([pattern, what]) =>
      about(
        ({ syntax }) => pattern.test(syntax),
        (subject, isOne) =>
          `${subject} ${isOne ? "has" : "have"} the syntax of ${what}, ${example(distinct, pattern)}. It is not followed, and is read as text.`,
      ),
    ),
  ]
}

/** The first weights that are read, such as `red 1.5`. */
function weightsOf(reads: readonly { readonly runs: readonly WeightedText[] }[]): string {
  const weighted = reads.flatMap(({ runs }) => runs.filter(({ weight, isBreak }) => weight !== 1 && !isBreak))
  const shown = weighted
    .slice(0, 3)
    .map(({ text, weight }) => `"${shortened(text.trim())}" ${Number(weight.toFixed(3))}`)
  return `${shown.join(", ")}${weighted.length > shown.length ? " …" : ""}`
}

function example(reads: readonly { readonly syntax: string }[], pattern: RegExp): string {
  const found = reads.map(({ syntax }) => pattern.exec(syntax)?.[0].trim()).find((each) => each !== undefined)
  return `"${shortened(found ?? "")}"`
}

function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`
}
