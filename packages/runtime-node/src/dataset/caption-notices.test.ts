import type { CaptionRules } from "@lllite/core/training"
import { expect, it } from "vitest"
import { captionRuleNotices } from "./caption-notices.ts"

const notices = (rules: CaptionRules, ...captions: readonly string[]): readonly string[] => {
  const pairs = captions.map((caption, i) => ({ image: `${i}.png`, text: { caption, rules } }))
  return captionRuleNotices([{ rules, pairs }])
}

it("names groups that are read as text", () => {
  expect(notices({}, "a {b|c}", "{d}")).toEqual([
    'The caption of "0.png" has groups such as {a|b}, which are read as text. To choose an option at each step, set enable_wildcard.',
  ])
  expect(notices({}, "a {b|c}", "{d|e}")).toEqual([expect.stringContaining('The first is "0.png"')])
  expect(notices({ wildcard: true }, "a {b|c}")).toEqual([])
})

it("names signs that no caption has", () => {
  expect(notices({ keepTokensSeparator: "|||", secondarySeparator: ";;;" }, "a, b", "c")).toEqual([
    'keep_tokens_separator has no effect: no caption has "|||".',
    'secondary_separator has no effect: no caption has ";;;".',
  ])
  expect(notices({ keepTokensSeparator: "|||", prefix: "p |||" }, "a, b")).toEqual([])
})

it("says when there are no tags to shuffle, and when all captions are empty", () => {
  expect(notices({ shuffle: true, separator: ";" }, "a, b", "c")).toEqual([
    'shuffle_caption has no effect: no caption has its separator ";", so each is one tag.',
  ])
  expect(notices({ shuffle: true }, "a, b", "c")).toEqual([])
  expect(notices({ dropoutRate: 1, shuffle: true }, "c")).toEqual([
    "caption_dropout_rate is 1: every caption is empty at every step.",
  ])
  expect(notices({ dropoutEveryNEpochs: 1 }, "c")).toEqual([
    expect.stringContaining("caption_dropout_every_n_epochs is 1"),
  ])
})

it("says the same once of several folders, and nothing of one without pairs", () => {
  const folder = { rules: { shuffle: true }, pairs: [{ image: "a.png", text: { caption: "a", rules: {} } }] }
  expect(captionRuleNotices([folder, folder])).toHaveLength(1)
  expect(captionRuleNotices([{ ...folder, pairs: [] }])).toEqual([])
})

it("says that a rule has no effect only if it has none in any folder", () => {
  const folder = (rules: CaptionRules, caption: string) => ({
    rules,
    pairs: [{ image: "a.png", text: { caption, rules: {} } }],
  })
  const general = { keepTokensSeparator: "|||", shuffle: true }
  expect(captionRuleNotices([folder(general, "a ||| b, c"), folder(general, "d")])).toEqual([])
  expect(captionRuleNotices([folder(general, "a, b"), folder(general, "d")])).toEqual([
    'keep_tokens_separator has no effect: no caption has "|||".',
  ])
  expect(captionRuleNotices([folder(general, "a ||| b, c"), folder({ dropoutRate: 1 }, "d")])).toEqual([
    "caption_dropout_rate is 1: the captions of 1 of 2 folders are empty at every step.",
  ])
})
