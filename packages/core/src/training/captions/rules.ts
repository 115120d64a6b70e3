import { checkArgument, checkOptions, type OptionKinds } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { checkRanges } from "../../number-range.ts"
import { CAPTION_RANGES } from "../ranges.ts"

/** How a caption changes from step to step. The names in brackets are sd-scripts'. `CAPTION_RANGES` has the ranges. */
export interface CaptionRules {
  /** Put before a caption, with a space (`caption_prefix`). Default: null, nothing. */
  readonly prefix?: string | null
  /** Put after a caption, with a space (`caption_suffix`). Default: null, nothing. */
  readonly suffix?: string | null
  /** Whether one line of several is chosen, and one option of `{a|b}` (`enable_wildcard`). Default: false. */
  readonly wildcard?: boolean
  /** Whether tags are shuffled (`shuffle_caption`). Default: false. */
  readonly shuffle?: boolean
  /** What stands between tags (`caption_separator`). Tags are joined by a comma and a space. Default: a comma. */
  readonly separator?: string
  /** The number of tags at the beginning that stay (`keep_tokens`). Default: 0. */
  readonly keepTokens?: number
  /**
   * Tags before it stay (`keep_tokens_separator`). If it stands there twice, tags after the second stay, too. Where it
   * is in a caption, `keepTokens` has no effect. Default: the empty text, no such sign.
   */
  readonly keepTokensSeparator?: string
  /** Becomes the separator at the end (`secondary_separator`). So what it joins is one tag. Default: null, none. */
  readonly secondarySeparator?: string | null
  /** The share of captions that are empty (`caption_dropout_rate`). Default: 0. */
  readonly dropoutRate?: number
  /** All captions of each n-th epoch are empty (`caption_dropout_every_n_epochs`). Default: 0, of none. */
  readonly dropoutEveryNEpochs?: number
  /** The share of tags that are left out (`caption_tag_dropout_rate`). Tags that stay are never left out. Default: 0. */
  readonly tagDropoutRate?: number
  /** Tags at step 0 of a warm-up, beside those that stay (`token_warmup_min`). Default: 1. */
  readonly warmupMin?: number
  /**
   * The step at which a caption has all of its tags (`token_warmup_step`). Below 1, it is a share of the run. Default: 0,
   * no warm-up.
   */
  readonly warmupSteps?: number
  /**
   * `sd-scripts` also does what is a mistake there: a prefix is at the first line alone, groups in groups break, and the
   * sign of `keepTokensSeparator` stays where no tags move. Default: null.
   */
  readonly compat?: "sd-scripts" | null
}

export const CAPTION_DEFAULTS: Required<CaptionRules> = {
  prefix: null,
  suffix: null,
  wildcard: false,
  shuffle: false,
  separator: ",",
  keepTokens: 0,
  keepTokensSeparator: "",
  secondarySeparator: null,
  dropoutRate: 0,
  dropoutEveryNEpochs: 0,
  tagDropoutRate: 0,
  warmupMin: 1,
  warmupSteps: 0,
  compat: null,
}

const KINDS: OptionKinds<CaptionRules> = {
  prefix: "text or null",
  suffix: "text or null",
  wildcard: "true or false",
  shuffle: "true or false",
  separator: "text",
  keepTokens: "a number",
  keepTokensSeparator: "text",
  secondarySeparator: "text or null",
  dropoutRate: "a number",
  dropoutEveryNEpochs: "a number",
  tagDropoutRate: "a number",
  warmupMin: "a number",
  warmupSteps: "a number",
  compat: "text or null",
}

/** Checks the rules of captions. @throws CoreError that names the first wrong one */
export function checkCaptionRules(rules: CaptionRules): void {
  checkOptions("captions", rules, KINDS)
  const { separator, keepTokens, dropoutRate, dropoutEveryNEpochs, tagDropoutRate, warmupMin, warmupSteps } = {
    ...CAPTION_DEFAULTS,
    ...rules,
  }
  const numbers = { keepTokens, dropoutRate, dropoutEveryNEpochs, tagDropoutRate, warmupMin, warmupSteps }
  checkRanges("captions", numbers, CAPTION_RANGES)
  if (separator === "")
    throw new CoreError("option-range", "captions: separator is empty, expected a text such as a comma")
}

/** Whether tags move or are left out. */
export function changesTags(rules: CaptionRules): boolean {
  const { shuffle, tagDropoutRate, warmupSteps } = { ...CAPTION_DEFAULTS, ...rules }
  return shuffle || tagDropoutRate > 0 || warmupSteps > 0
}

/** Whether a caption may be another text at another step. */
export function captionChanges(caption: string, rules: CaptionRules): boolean {
  checkArgument("captions: the caption", caption, "text")
  checkCaptionRules(rules)
  const { prefix, suffix, wildcard, dropoutRate, dropoutEveryNEpochs } = { ...CAPTION_DEFAULTS, ...rules }
  if (changesTags(rules) || dropoutRate > 0 || dropoutEveryNEpochs > 0) return true
  return wildcard && /[\n{}]/.test(`${prefix ?? ""}${caption}${suffix ?? ""}`)
}
