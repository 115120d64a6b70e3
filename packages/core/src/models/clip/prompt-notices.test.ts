import { expect, it } from "vitest"
import { countChunks } from "../text.ts"
import { promptNotices } from "./prompt-notices.ts"
import type { Tokenizer } from "./tokenizer.ts"

/** A token for each word. */
const words: Tokenizer = {
  encode: (text) =>
    text
      .split(/\s+/)
      .filter((word) => word !== "")
      .map(() => 1),
  ...{ vocabularySize: 2, startId: 0, endId: 1 },
}
const long = (count: number): string => Array.from({ length: count }, () => "a").join(" ")

it("says nothing about plain prompts", () => {
  for (const prompt of [
    "",
    "a red ring",
    long(75),
    "a red-blue ring, 1:2",
    "rock and roll",
    "5 -- 6",
    "snake_case__x",
    "a \\(b\\)",
  ])
    expect(promptNotices(words, [prompt]), prompt).toEqual([])
})

it("says nothing about a textual inversion that is there, in either case and with the end of its file", () => {
  const inversions = [{ name: "EasyNegative", vectors: 2 }]
  for (const prompt of [
    "embedding:EasyNegative",
    "Embedding:easynegative.safetensors, blurry",
    "embedding:EASYNEGATIVE.pt",
  ]) {
    expect(promptNotices(words, [prompt], {}, inversions), prompt).toEqual([])
  }
  expect(promptNotices(words, ["embedding:easynegative2"], {}, inversions)).toHaveLength(1)
})

it("says which prompts are read in chunks, and which are cut", () => {
  expect(promptNotices(words, [long(76)])).toEqual([
    expect.stringMatching(/is too long for one chunk of 75 tokens.* It is read in 2 chunks\.$/),
  ])
  expect(promptNotices(words, ["a BREAK b"])).toEqual([
    expect.stringMatching(/or has a BREAK\. It is read in 2 chunks/),
  ])
  expect(promptNotices(words, [long(76), long(200)], { maxChunks: 1 })).toEqual([
    expect.stringMatching(/^2 prompts have more than 75 tokens\. The rest is not read\. The first is "a a /),
  ])
})

it("says what brackets do, unless they are letters", () => {
  expect(promptNotices(words, ["a (red:1.5) [ring]", "saber (fate)"])).toEqual([
    expect.stringMatching(
      /^2 prompts have brackets, which are read as weights: "red" 1\.5, "ring" 0\.909, "fate" 1\.1\./,
    ),
  ])
  expect(promptNotices(words, ["a (red:1.5) ring"], { syntax: "plain" })).toEqual([])
})

it.each([
  ["a ring <lora:add_detail:0.8>", /the syntax of a LoRA or hypernetwork, "<lora:add_detail:0\.8>"/],
  ["embedding:easynegative, blurry", /a textual inversion, "embedding:easynegative"/],
  ["a __colour__ ring", /a wildcard, "__colour__"/],
  ["a {red|blue} ring", /alternatives, "\{red\|blue\}"/],
  ["a {red|blue ring", /alternatives without their closing brace, "\{red\|blue ring"/],
  ["red|blue} ring", /alternatives without their opening brace, "red\|blue\}"/],
  ["a red ring --n blurry --w 128", /an option of a prompt file, "--n"/],
  ["a [cat|dog]", /alternating words/],
  ["a [cat:dog:0.5]", /a change during the steps, "\[cat:dog:0\.5\]"/],
  ["a cat AND a dog", /a prompt of several parts, "AND"/],
])("names what is not followed in %j", (prompt, message) => {
  const notices = promptNotices(words, [prompt, prompt])
  expect(notices.filter((notice) => message.test(notice))).toHaveLength(1)
  expect(notices.join()).toMatch(/It is not followed, and is read as text/)
})

it("names a textual inversion once, whatever its name", () => {
  const notices = promptNotices(words, ["embedding:__proto__"])
  expect(notices).toHaveLength(1)
  expect(notices[0]).toMatch(/a textual inversion, "embedding:__proto__"/)
  expect(promptNotices(words, ["embedding:a __colour__"])).toHaveLength(2)
})

it("says how many prompts it is about, and the most chunks of them", () => {
  const prompts = [long(76), long(151), "a", long(76)]
  expect(promptNotices(words, prompts)).toEqual([
    expect.stringMatching(
      /^2 prompts are too long for one chunk of 75 tokens, or have a BREAK\. They are read in up to 3 chunks\./,
    ),
  ])
  expect(promptNotices(words, prompts, { maxChunks: 2 })).toEqual([
    expect.stringMatching(/has more than 150 tokens\. The rest is not read\.$/),
    expect.stringMatching(/is too long for one chunk of 75 tokens, or has a BREAK\. It is read in 3 chunks\.$/),
  ])
  expect(promptNotices(words, [long(151), `b ${long(151)}`], { maxChunks: 1 })).toEqual([
    expect.stringMatching(/^2 prompts have more than 75 tokens\./),
  ])
})

it("shows 60 characters of a long prompt, and three weights", () => {
  const [notice = ""] = promptNotices(words, [`(a:2) (b:3) (c:0.5) (d:4) ${"x".repeat(60)}`])
  expect(notice).toContain(`"(a:2) (b:3) (c:0.5) (d:4) ${"x".repeat(34)}…"`)
  expect(notice).toContain('has brackets, which are read as weights: "a" 2, "b" 3, "c" 0.5 …. A backslash')
  const [three = ""] = promptNotices(words, [`(a:2) (b:3) (c:0.5) ${"x".repeat(40)}`])
  expect(three).toContain(`"(a:2) (b:3) (c:0.5) ${"x".repeat(40)}" has`)
  expect(three).toContain('"c" 0.5. A backslash')
  const [long = ""] = promptNotices(words, [`a {${"y".repeat(70)}|z}`])
  expect(long).toContain(`the syntax of alternatives, "{${"y".repeat(59)}…". It is not followed`)
  const two = promptNotices(words, ["a [b|c]", "d [e|f]"])
  expect(two.at(-1)).toMatch(/^2 prompts have the syntax of alternating words, "\[b\|c\]"/)
})

it("counts the vectors of a textual inversion as tokens, and a name without the syntax is text", () => {
  const inversions = [{ name: "ink", vectors: 80 }]
  expect(promptNotices(words, ["ink"], {}, inversions)).toEqual([expect.stringContaining("It is read in 2 chunks.")])
  expect(promptNotices(words, ["ink"])).toEqual([])
})

it.each([
  [{ maxChunks: -1 }, "maxChunks is -1"],
  [{ maxChunks: Number.NaN }, "maxChunks is NaN"],
  [{ maxChunks: "3" }, "maxChunks is the text"],
  [{ syntax: "webui" }, 'syntax is "webui"'],
  [{ maxChunk: 3 }, "maxChunk"],
])("refuses the options %j, as the number of chunks does", (options, message) => {
  expect(() => promptNotices(words, ["a"], options as object)).toThrow(message)
  expect(() => countChunks(words, "a", options as object)).toThrow(message)
})
