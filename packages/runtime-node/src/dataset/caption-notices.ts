import { countedNotice } from "@lllite/core/names"
import type { CaptionRules } from "@lllite/core/training"
import type { Pair } from "./pairs.ts"

/** The captions of a folder, which have the same rules. */
export interface FolderCaptions {
  readonly rules: CaptionRules
  readonly pairs: readonly Pick<Pair, "image" | "text">[]
}

/** Notices about rules that change no caption of their folder, and captions that ask for a rule. */
export function captionRuleNotices(folders: readonly FolderCaptions[]): readonly string[] {
  const unread = folders.flatMap(({ rules, pairs }) =>
    rules.wildcard === true ? [] : pairs.filter(({ text }) => /\{[^{}]*\|[^{}]*\}/.test(text.caption)),
  )
  return [
    ...countedNotice(
      unread.map(({ image }) => image),
      "captions",
      (subject, isOne) =>
        `${isOne ? `The caption of ${subject} has` : `${subject} have`} groups such as {a|b}, which are read as text. To choose an option at each step, set enable_wildcard.`,
    ),
    ...new Set(folders.flatMap(withoutEffect)),
  ]
}

function withoutEffect({ rules, pairs }: FolderCaptions): readonly string[] {
  const { keepTokensSeparator: sign, secondarySeparator: second, separator = "," } = rules
  const captions = pairs.map(({ text }) => [rules.prefix, text.caption, rules.suffix].join(" "))
  const isNowhere = (text: string): boolean => captions.every((caption) => !caption.includes(text))
  const notices: string[] = []
  if (captions.length === 0) return notices
  if (rules.dropoutRate === 1 || rules.dropoutEveryNEpochs === 1) {
    const name = rules.dropoutRate === 1 ? "caption_dropout_rate" : "caption_dropout_every_n_epochs"
    return [`${name} is 1: every caption is empty at every step.`]
  }
  for (const [name, text] of [
    ["keep_tokens_separator", sign],
    ["secondary_separator", second],
  ] as const) {
    if (text && isNowhere(text)) notices.push(`${name} has no effect: no caption has "${text}".`)
  }
  if (rules.shuffle === true && isNowhere(separator)) {
    notices.push(`shuffle_caption has no effect: no caption has its separator "${separator}", so each is one tag.`)
  }
  return notices
}
