import { checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkRanges, type NumberRange } from "../number-range.ts"

/**
 * How prompts are read:
 *
 * - `weighted`: weights and `BREAK`, see `parseWeights`. A weight multiplies the states of its tokens.
 * - `comfyui`: weights as in ComfyUI, see `parseComfyUiWeights`. A weight moves the states of its tokens away from those
 *   of an empty prompt, and no size is normalised.
 * - `comfyui-joined`: as `comfyui`, and `AND` and `BREAK` join texts as its nodes Conditioning (Combine) and (Concat) do.
 * - `plain`: every sign is text.
 */
export const PROMPT_SYNTAXES = ["weighted", "comfyui", "comfyui-joined", "plain"] as const
export type PromptSyntax = (typeof PROMPT_SYNTAXES)[number]

/** Whether a syntax weighs words as ComfyUI does. */
export function isComfyUiSyntax(syntax: PromptSyntax): boolean {
  return syntax === "comfyui" || syntax === "comfyui-joined"
}

/**
 * How the states of a prompt with weights are brought back to the size that they had without weights. `original` keeps
 * their mean, `abs` the mean of their absolute values. `none` leaves them. The names are those of sd-scripts.
 */
export const EMBEDDING_NORMALIZATIONS = ["original", "abs", "none"] as const
export type EmbeddingNormalization = (typeof EMBEDDING_NORMALIZATIONS)[number]

/** How prompts are read for a picture. */
export interface PromptOptions {
  /** Default: `weighted`. */
  readonly syntax?: PromptSyntax
  /**
   * The most chunks of 75 tokens that are read of a prompt. Tokens beyond are not read. Default: null, as many chunks as
   * the prompt has.
   */
  readonly maxChunks?: number | null
  /** Default: `original`. */
  readonly normalization?: EmbeddingNormalization
  /** The layer of both text encoders that is read, counted from the end. Default: 2. */
  readonly clipSkip?: number
  /** `sd-scripts` pads at `BREAK` as sd-scripts does, two tokens too far. Default: null, to the end of the chunk. */
  readonly compat?: (typeof PROMPT_COMPATS)[number] | null
}

/** Programs whose reading of prompts can be had. */
export const PROMPT_COMPATS = ["sd-scripts"] as const

export const PROMPT_DEFAULTS = {
  syntax: "weighted",
  maxChunks: null,
  normalization: "original",
  clipSkip: 2,
  compat: null,
} as Required<PromptOptions>

/** The ranges of the numbers in `PromptOptions`. */
export const PROMPT_RANGES = {
  maxChunks: { integer: true, min: 1, max: 100 },
  clipSkip: { integer: true, min: 1, max: 12 },
} as const satisfies { readonly [Name in keyof PromptOptions]?: NumberRange }

const KINDS: OptionKinds<PromptOptions> = {
  syntax: "text",
  maxChunks: "a number or null",
  normalization: "text",
  clipSkip: "a number",
  compat: "text or null",
}

/**
 * Checks options of prompts.
 *
 * @param place the owner of the options, which begins the message
 * @throws CoreError that names the first wrong option
 */
export function checkPromptOptions(place: string, options: PromptOptions = {}): void {
  checkOptions(place, options, KINDS)
  const { maxChunks, ...rest } = { ...PROMPT_DEFAULTS, ...options }
  checkRanges(place, { ...rest, maxChunks: maxChunks ?? undefined }, PROMPT_RANGES)
  const choices = {
    syntax: PROMPT_SYNTAXES,
    normalization: EMBEDDING_NORMALIZATIONS,
    compat: [null, ...PROMPT_COMPATS],
  } as const
  for (const [name, allowed] of Object.entries(choices)) {
    const value = rest[name as keyof typeof choices]
    if (allowed.some((one) => one === value)) continue
    throw new CoreError(
      "option-range",
      `${place}: ${name} is ${JSON.stringify(value)}, expected ${allowed.map((one) => JSON.stringify(one)).join(", ")}`,
    )
  }
}
