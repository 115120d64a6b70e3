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
    ...unusedRuleNotices(folders.map(usesOf).flatMap((uses) => (uses === null ? [] : [uses]))),
  ]
}

/** A rule of a folder, and whether it changes a caption there. */
interface RuleUse {
  readonly isUsed: boolean
  /** A sentence that says that it has no effect. */
  readonly text: string
}

interface FolderUses {
  readonly rules: readonly RuleUse[]
  /** The rule by which all captions of the folder are empty. Null: there is none. */
  readonly empties: string | null
}

/** A rule may stand in `general`. It has an effect if it has one in one folder. */
function unusedRuleNotices(folders: readonly FolderUses[]): readonly string[] {
  const rules = folders.flatMap((folder) => folder.rules)
  const used = new Set(rules.flatMap(({ isUsed, text }) => (isUsed ? [text] : [])))
  const empties = folders.flatMap((folder) => (folder.empties === null ? [] : [folder.empties]))
  const emptied =
    empties.length === folders.length
      ? "every caption is empty at every step"
      : `the captions of ${empties.length} of ${folders.length} folders are empty at every step`
  return [
    ...[...new Set(empties)].map((name) => `${name} is 1: ${emptied}.`),
    ...new Set(rules.flatMap(({ text }) => (used.has(text) ? [] : [text]))),
  ]
}

/** What the rules of a folder do there. Null: it has no captions. */
function usesOf({ rules, pairs }: FolderCaptions): FolderUses | null {
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
  if (isEmpty) return null
  if (rules.dropoutRate === 1) return { rules: [], empties: "caption_dropout_rate" }
  if (rules.dropoutEveryNEpochs === 1) return { rules: [], empties: "caption_dropout_every_n_epochs" }
  const uses: RuleUse[] = []
  for (const [name, text, isUsed] of [
    ["keep_tokens_separator", sign, hasSign],
    ["secondary_separator", second, hasSecond],
  ] as const) {
    if (text) uses.push({ isUsed, text: `${name} has no effect: no caption has "${text}".` })
  }
  if (rules.shuffle === true) {
    const text = `shuffle_caption has no effect: no caption has its separator "${separator}", so each is one tag.`
    uses.push({ isUsed: hasSeparator, text })
  }
  return { rules: uses, empties: null }
}
