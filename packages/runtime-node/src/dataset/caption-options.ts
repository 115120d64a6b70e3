import { CAPTION_DEFAULTS, CAPTION_RANGES } from "@lllite/core/names"
import type { CaptionRules } from "@lllite/core/training"
import { flag, integer, number, text } from "../options/kinds.ts"
import type { Settings } from "../options/option.ts"

/** Options of captions, by sd-scripts' names. */
export const CAPTION_OPTIONS = {
  caption_extension: text({
    default: ".caption",
    help: "File extension of the captions, with its dot. In shards, .txt is taken where there is no such file.",
  }),
  caption_prefix: text({ help: "Text to put before every caption.", canBeEmpty: true }),
  caption_suffix: text({ help: "Text to put after every caption.", canBeEmpty: true }),
  shuffle_caption: flag({ help: "Shuffle the tags of a caption at each step." }),
  caption_separator: text({
    default: CAPTION_DEFAULTS.separator,
    otherwise: "a comma",
    canBeSpaces: true,
    help: "Text between the tags of a caption. Where tags change, they are joined by a comma and a space.",
  }),
  keep_tokens: integer({
    default: CAPTION_DEFAULTS.keepTokens,
    ...CAPTION_RANGES.keepTokens,
    help: "Tags at the beginning of a caption that stay where they are.",
  }),
  keep_tokens_separator: text({
    canBeSpaces: true,
    help: "Text such as |||. Tags before it stay, and so do tags after its second place. It replaces keep_tokens in captions that have it, and is never part of a caption.",
  }),
  secondary_separator: text({
    canBeSpaces: true,
    help: "Text such as ;;; that keeps tags together when tags change. It then becomes the separator.",
  }),
  enable_wildcard: flag({
    help: "Choose one line of a caption at each step, and one option of each {a|b}. Groups may stand in groups. {{ and }} are braces.",
  }),
  caption_dropout_rate: number({
    default: CAPTION_DEFAULTS.dropoutRate,
    ...CAPTION_RANGES.dropoutRate,
    help: "Share of captions that a step reads as empty.",
  }),
  caption_dropout_every_n_epochs: integer({
    default: CAPTION_DEFAULTS.dropoutEveryNEpochs,
    ...CAPTION_RANGES.dropoutEveryNEpochs,
    help: "Read all captions of every Nth epoch as empty. 0 means never. sd-scripts' LLLite trainer then drops all captions of all epochs.",
  }),
  caption_tag_dropout_rate: number({
    default: CAPTION_DEFAULTS.tagDropoutRate,
    ...CAPTION_RANGES.tagDropoutRate,
    help: "Share of tags that a step leaves out. Tags that stay are never left out.",
  }),
  token_warmup_min: integer({
    default: CAPTION_DEFAULTS.warmupMin,
    ...CAPTION_RANGES.warmupMin,
    help: "Tags that a caption has at the first step of token_warmup_step, beside those that stay.",
  }),
  token_warmup_step: number({
    default: CAPTION_DEFAULTS.warmupSteps,
    ...CAPTION_RANGES.warmupSteps,
    help: "Step from which a caption has all of its tags. Below 1, it is a share of the run. 0 means from the first.",
  }),
}

/** The rules of a folder's captions. Each that asks for nothing is left out. */
export function captionRulesOf(settings: Omit<Settings<typeof CAPTION_OPTIONS>, "captionExtension">): CaptionRules {
  const rules: Required<Omit<CaptionRules, "compat">> = {
    prefix: settings.captionPrefix || null,
    suffix: settings.captionSuffix || null,
    wildcard: settings.enableWildcard,
    shuffle: settings.shuffleCaption,
    separator: settings.captionSeparator,
    keepTokens: settings.keepTokens,
    keepTokensSeparator: settings.keepTokensSeparator ?? "",
    secondarySeparator: settings.secondarySeparator ?? null,
    dropoutRate: settings.captionDropoutRate,
    dropoutEveryNEpochs: settings.captionDropoutEveryNEpochs,
    tagDropoutRate: settings.captionTagDropoutRate,
    warmupMin: settings.tokenWarmupMin,
    warmupSteps: settings.tokenWarmupStep,
  }
  const names = Object.keys(rules) as (keyof typeof rules)[]
  return Object.fromEntries(
    names.filter((name) => rules[name] !== CAPTION_DEFAULTS[name]).map((name) => [name, rules[name]]),
  )
}

/** Each rule that makes captions differ from step to step, by the name of its option. */
const CHANGING = {
  shuffle: "shuffle_caption",
  wildcard: "enable_wildcard",
  dropoutRate: "caption_dropout_rate",
  dropoutEveryNEpochs: "caption_dropout_every_n_epochs",
  tagDropoutRate: "caption_tag_dropout_rate",
  warmupSteps: "token_warmup_step",
} as const satisfies Partial<Record<keyof CaptionRules, keyof typeof CAPTION_OPTIONS>>

/** The options by which captions differ from step to step. */
export function changingOptions(rules: CaptionRules): readonly string[] {
  const names = Object.keys(CHANGING) as (keyof typeof CHANGING)[]
  return names
    .filter((name) => rules[name] !== undefined && rules[name] !== CAPTION_DEFAULTS[name])
    .map((name) => CHANGING[name])
}
