import { countedNotice } from "@lllite/core/names"
import type { CaptionRules } from "@lllite/core/training"
import type { Pair } from "./pair-table.ts"

/** The captions of a folder, which have the same rules. */
export interface FolderCaptions {
  readonly rules: CaptionRules
  readonly pairs: Iterable<Pick<Pair, "image" | "text">>
}

/** Notices about rules that change no caption of their folder, and captions that ask for a rule. */
export function captionRuleNotices(folders: readonly FolderCaptions[]): readonly string[] {
  const unread: string[] = []
  for (const { rules, pairs } of folders) {
    if (rules.wildcard === true) continue
    for (const { image, text } of pairs) if (/\{[^{}]*\|[^{}]*\}/.test(text.caption)) unread.push(image)
  }
  return [
    ...countedNotice(
      unread,
      "captions",
      (subject, isOne) =>
        `${isOne ? `The caption of ${subject} has` : `${subject} have`} groups such as {a|b}, which are read as text. To choose an option at each step, set enable_wildcard.`,
    ),
    ...new Set(folders.flatMap(withoutEffect)),
  ]
}

function withoutEffect({ rules, pairs }: FolderCaptions): readonly string[] {
  const { keepTokensSeparator: sign, secondarySeparator: second, separator = "," } = rules
  let [isEmpty, hasSign, hasSecond, hasSeparator] = [true, false, false, false]
  for (const { text } of pairs) {
    const caption = [rules.prefix, text.caption, rules.suffix].join(" ")
    isEmpty = false
    hasSign ||= caption.includes(sign ?? "")
    hasSecond ||= caption.includes(second ?? "")
    hasSeparator ||= caption.includes(separator)
    if (hasSign && hasSecond && hasSeparator) break
  }
  const notices: string[] = []
  if (isEmpty) return notices
  if (rules.dropoutRate === 1 || rules.dropoutEveryNEpochs === 1) {
    const name = rules.dropoutRate === 1 ? "caption_dropout_rate" : "caption_dropout_every_n_epochs"
    return [`${name} is 1: every caption is empty at every step.`]
  }
  for (const [name, text, isThere] of [
    ["keep_tokens_separator", sign, hasSign],
    ["secondary_separator", second, hasSecond],
  ] as const) {
    if (text && !isThere) notices.push(`${name} has no effect: no caption has "${text}".`)
  }
  if (rules.shuffle === true && !hasSeparator) {
    notices.push(`shuffle_caption has no effect: no caption has its separator "${separator}", so each is one tag.`)
  }
  return notices
}
