import { checkArgument } from "../../argument.ts"
import { checkSeed, type Seed } from "../../random/seed.ts"
import type { DrawPosition } from "../../random/stream.ts"
import { type CaptionRandom, captionRandom } from "./caption-random.ts"
import { type CaptionMoment, processCaption } from "./process-caption.ts"
import { CAPTION_DEFAULTS, type CaptionRules, captionChanges, checkCaptionRules } from "./rules.ts"

/** A caption as its file has it, with its rules. */
export interface RuledCaption {
  readonly caption: string
  readonly rules: CaptionRules
}

/**
 * The caption of a row at a step. It depends on the seed, the position and the moment alone. So a run that continues
 * reads the same, and so does any worker.
 *
 * @param at the number of the batch in the run, and the row
 */
export function drawCaption(ruled: RuledCaption, seed: Seed, at: DrawPosition, moment: CaptionMoment): string {
  checkArgument("captions: the caption", ruled, "an object")
  const { caption, rules } = ruled
  checkArgument("captions: the position", at, "an object")
  return processCaption(caption, rules, captionRandom(seed, at), moment)
}

/**
 * The caption without what moves or leaves out tags, and without dropout. Wildcards choose by the seed and the example.
 *
 * @param index the example's place in the data set
 */
export function plainCaption(ruled: RuledCaption, seed: Seed, index: number): string {
  checkArgument("captions: the caption", ruled, "an object")
  const { caption, rules } = ruled
  checkCaptionRules(rules)
  return processCaption(caption, quiet(rules), captionRandom(seed, { index }, "plain captions"), AT_END)
}

/** About the longest text that a caption becomes, by its letters. */
export function longestCaption(ruled: RuledCaption): string {
  checkArgument("captions: the caption", ruled, "an object")
  const { caption, rules } = ruled
  checkCaptionRules(rules)
  return processCaption(caption, quiet(rules), LONGEST, AT_END)
}

/** After every warm-up. */
const AT_END: CaptionMoment = { epoch: 1, step: Number.MAX_SAFE_INTEGER, steps: 0 }

/** Rules that choose lines and options alone, and after which a caption that warmed up reads the same. */
function quiet(rules: CaptionRules): CaptionRules {
  return { ...rules, shuffle: false, dropoutRate: 0, dropoutEveryNEpochs: 0, tagDropoutRate: 0 }
}

/** The texts that many steps of a caption read, so that they are worth keeping. */
export function frequentTexts(ruled: RuledCaption, seed: Seed, index: number): readonly string[] {
  checkSeed("captions", seed)
  checkArgument("captions: the index", index, "a finite number")
  checkArgument("captions: the caption", ruled, "an object")
  checkCaptionRules(ruled.rules)
  checkArgument("captions: the caption", ruled.caption, "text")
  const { shuffle, tagDropoutRate, wildcard, dropoutRate, dropoutEveryNEpochs } = {
    ...CAPTION_DEFAULTS,
    ...ruled.rules,
  }
  const isPlain =
    !shuffle && tagDropoutRate === 0 && !(wildcard && captionChanges(ruled.caption, { ...ruled.rules, ...NO_DROPOUT }))
  return [
    ...(isPlain ? [plainCaption(ruled, seed, index)] : []),
    ...(dropoutRate > 0 || dropoutEveryNEpochs > 0 ? [""] : []),
  ]
}

const NO_DROPOUT: CaptionRules = { dropoutRate: 0, dropoutEveryNEpochs: 0, warmupSteps: 0 }

const LONGEST: CaptionRandom = {
  random: () => 0,
  shuffled: (list) => list,
  choice: (list) => list.reduce((best, one) => (sizeOf(one) > sizeOf(best) ? one : best)),
}

/** The letters of a line, or of an option that is a range of them. */
function sizeOf(option: unknown): number {
  if (Array.isArray(option)) return Number(option[1]) - Number(option[0])
  return String(option).length
}
