import { describe, expect, it } from "vitest"
import { mendText } from "./mend-text.ts"

describe("mendText", () => {
  it.each([
    ["entities", "fish &amp; chips &#233; &#xE9; &eacute; &hearts; &apos;", "fish & chips é é é ♥ '"],
    ["entities above the surrogates, up to the last character", "&#57344;&#128512;&#x10FFFF;", "\ue000😀\u{10ffff}"],
    ["entities of entities", "&amp;amp;", "&"],
    ["numbers as Windows wrote them", "&#150;", "–"],
    ["curly quotes", "“curly” ‘single’ ‛low‟", "\"curly\" 'single' 'low\""],
    ["ligatures", "ﬁne ﬄ Ǆ ĳ", "fine ffl DŽ ij"],
    ["wide and narrow forms", "ＡＢＣ　１ ｱﾞ", "ABC 1 ア゙".normalize("NFC")],
    ["colours of a terminal", "a\u001b[31mred\u001b[0m b", "ared b"],
    ["invisible characters", "\ufeffa\u0000b\u206ac\u007f", "abc"],
    ["Windows' characters read as Latin-1", "a\u0085 \u0093b\u0094", 'a… "b"'],
    ["letters with marks apart", "e\u0301", "é"],
  ])("mends %s", (_, text, mended) => {
    expect(mendText(text)).toBe(mended)
  })

  it.each([
    ["entities in markup", "<b>&amp;</b>"],
    ["names of nothing", "&nothing; &toString; &constructor; &#0; &#xD800; &#x110000; &#99999999999;"],
    ["an ampersand", "this & that; R&D"],
    ["signs of other kinds", "½ ² ™ … — – zero\u200bwidth"],
    ["no text", ""],
  ])("leaves %s", (_, text) => {
    expect(mendText(text)).toBe(text)
  })
})
