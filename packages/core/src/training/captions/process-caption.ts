import { checkArgument, checkArguments, checkGiven } from "../../argument.ts"
import type { CaptionRandom } from "./caption-random.ts"
import { chooseOptions, chooseOptionsAsSdScripts } from "./groups.ts"
import { CAPTION_DEFAULTS, type CaptionRules, changesTags, checkCaptionRules } from "./rules.ts"

/** When a caption is read. */
export interface CaptionMoment {
  /** The epoch, from 1. */
  readonly epoch: number
  /** The updates that were made before. */
  readonly step: number
  /** The updates of the whole run. */
  readonly steps: number
}

/**
 * A caption as a step reads it. The rules act in this order: dropout, a line, prefix and suffix, groups, and then tags:
 * warm-up, shuffling, tag dropout. The secondary separator is last.
 *
 * Source: sd-scripts `library/train_util.py`, `BaseDataset.process_caption`. Draws are the same, in the same order.
 *
 * @param caption the text of its file, of several lines if there are several
 */
export function processCaption(
  caption: string,
  rules: CaptionRules,
  random: CaptionRandom,
  moment: CaptionMoment,
): string {
  checkArgument("captions: the caption", caption, "text")
  checkCaptionRules(rules)
  checkGiven("captions: the random numbers", random, "random", "the library, as of Python,")
  checkArgument("captions: the moment", moment, "an object")
  checkArguments("captions: the moment", "a finite number", {
    epoch: moment.epoch,
    step: moment.step,
    steps: moment.steps,
  })
  const all = { ...CAPTION_DEFAULTS, ...rules }
  const { wildcard, dropoutRate, dropoutEveryNEpochs, secondarySeparator, compat } = all
  // A share of 0 draws nothing.
  if (dropoutRate > 0 && random.random() < dropoutRate) return ""
  if (dropoutEveryNEpochs > 0 && moment.epoch % dropoutEveryNEpochs === 0) return ""
  const decorate = (line: string): string =>
    `${all.prefix ? `${all.prefix} ` : ""}${line}${all.suffix ? ` ${all.suffix}` : ""}`
  const oneLine = (text: string): string => {
    const lines = text.split("\n")
    return wildcard && lines.length > 1 ? random.choice(lines) : (lines[0] ?? "")
  }
  const line = compat === "sd-scripts" ? oneLine(decorate(caption)) : decorate(oneLine(caption))
  const choose = compat === "sd-scripts" ? chooseOptionsAsSdScripts : chooseOptions
  const chosen = wildcard ? choose(line, random) : line
  const tagged = arrangeTags(chosen, all, random, moment)
  return secondarySeparator ? tagged.replaceAll(secondarySeparator, () => all.separator) : tagged
}

/** The tags of a caption: those that stay at its beginning and its end, and those between. */
interface Tags {
  readonly head: readonly string[]
  readonly flexible: readonly string[]
  readonly tail: readonly string[]
}

function arrangeTags(
  caption: string,
  rules: Required<CaptionRules>,
  random: CaptionRandom,
  moment: CaptionMoment,
): string {
  const { keepTokensSeparator: sign, compat } = rules
  const isSplit = sign !== "" && caption.includes(sign)
  // Where no tags move, sd-scripts leaves the sign in the text.
  if (!changesTags(rules) && (!isSplit || compat === "sd-scripts")) return caption
  const { head, flexible, tail } = isSplit ? splitBySign(caption, rules) : splitByCount(caption, rules)
  const grown = flexible.slice(0, tagsOfWarmup(flexible.length, rules, moment))
  const ordered = rules.shuffle ? random.shuffled(grown) : grown
  const { tagDropoutRate } = rules
  const kept = tagDropoutRate > 0 ? ordered.filter(() => random.random() >= tagDropoutRate) : ordered
  return [...head, ...kept, ...tail].join(", ")
}

function splitBySign(caption: string, { separator, keepTokensSeparator: sign, compat }: Required<CaptionRules>): Tags {
  const [first = "", second = "", ...rest] = caption.split(sign)
  const tagsOf = (text: string): readonly string[] =>
    text
      .split(separator)
      .map((tag) => tag.trim())
      .filter((tag) => tag !== "")
  const tail = compat === "sd-scripts" ? [rest.join(sign)] : rest
  return { head: tagsOf(first), flexible: tagsOf(second), tail: tail.flatMap(tagsOf) }
}

function splitByCount(caption: string, { separator, keepTokens }: Required<CaptionRules>): Tags {
  const tags = caption
    .trim()
    .split(separator)
    .map((tag) => tag.trim())
  return { head: tags.slice(0, keepTokens), flexible: tags.slice(keepTokens), tail: [] }
}

/** The number of tags at a step of the warm-up. */
function tagsOfWarmup(
  count: number,
  { warmupMin, warmupSteps }: Required<CaptionRules>,
  { step, steps }: CaptionMoment,
): number {
  const end = warmupSteps < 1 ? Math.floor(warmupSteps * steps) : warmupSteps
  return step < end ? Math.floor(step * ((count - warmupMin) / end)) + warmupMin : count
}
