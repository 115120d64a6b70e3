import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { english } from "./english/index.ts"
import { FAILURES } from "./japanese/failures.ts"
import { japanese } from "./japanese/index.ts"
import { firstKnown } from "./language.ts"
import { codesIn, detailsOf, PageError, problemOf, remark, sentence, textOf } from "./sentence.ts"

it.each([
  [["ja-JP", "en"], "ja"],
  [["JA"], "ja"],
  [["fr-FR", "ja", "en"], "ja"],
  [["en-GB", "ja"], "en"],
  [["de", "fr"], "en"],
  [[], "en"],
] as const)("opens for a browser with %j in %s", (wanted, language) => {
  expect(firstKnown(wanted)).toBe(language)
})

describe("a sentence", () => {
  const full = problemOf(Object.assign(new Error('checkpoint "x" needs 12 GiB'), { code: "no-room" }))

  it("is said in the language that is asked for", () => {
    const removed = sentence("controls", "removedNumbered", 2)
    expect(textOf(removed, english)).toBe("Control 2 is removed.")
    expect(textOf(removed, japanese)).toBe("コントロール2を削除しました。")
    expect(textOf([removed, sentence("draw", "stopped")], english)).toBe(
      "Control 2 is removed. Stopped before the picture was finished.",
    )
    expect(textOf([removed, sentence("draw", "stopped")], japanese)).not.toContain(" ")
  })

  it("holds another one, as its cause", () => {
    const lost = sentence("controls", "closedOnReload", "a", sentence("models", "keepsNothing"))
    expect(textOf(lost, english)).toBe("A reload closes a: this browser keeps nothing for the page.")
    expect(textOf(lost, japanese)).toBe(
      "再読み込みすると、aは閉じられます。このブラウザでは、ページのデータを保存できません。",
    )
  })

  it("of a package is said by its code, with its own words below", () => {
    const failed = sentence("models", "failed", full)
    expect(textOf(failed, english)).toBe('The model could not be started: checkpoint "x" needs 12 GiB')
    expect(detailsOf(failed, english)).toEqual([])
    expect(textOf(failed, japanese)).toMatch(/^モデルを起動できませんでした。メモリが足りない/)
    expect(detailsOf([failed, remark("It is old.")], japanese)).toEqual(['checkpoint "x" needs 12 GiB', "It is old."])
  })

  it("of an error without a code has words, too", () => {
    expect(textOf(problemOf(new Error("odd")), japanese)).toBe("処理できませんでした。")
    expect(textOf(problemOf("odd"), english)).toBe("odd")
    expect(textOf(problemOf(new DOMException("full", "QuotaExceededError")), japanese)).toContain("空き容量")
    expect(problemOf(new PageError(full))).toBe(full)
  })

  it("has the codes of its causes", () => {
    expect(codesIn(sentence("models", "failed", full))).toEqual(["no-room"])
    expect(codesIn([sentence("draw", "stopped"), full, problemOf("odd")])).toEqual(["no-room"])
  })

  it("comes whole from a worker", () => {
    const sent = structuredClone(sentence("pictures", "notAPicture", "a.pdf", new TextEncoder().encode("%PDF-1.7 abc")))
    expect(textOf(sent, english)).toContain("It is a PDF. Save it as PNG.")
    expect(textOf(sent, japanese)).toContain("PDF形式のファイルです。")
  })
})

it("names every file that is not used, and counts what is more than a sentence holds", () => {
  const { pictures } = english
  expect(pictures.sheetTakesOne(["a.png"])).toBe('"a.png" is not used: the sheet takes one picture.')
  expect(pictures.sheetTakesOne(["a.png", "b.png", "c.png"])).toBe(
    '"a.png", "b.png" and "c.png" are not used: the sheet takes one picture.',
  )
  expect(japanese.pictures.sheetTakesOne(["a.png", "b.png"])).toMatch(/^「a.png」「b.png」は使いません。/)
  const many = Array.from({ length: 1234 }, (_, i) => `${i}.png`)
  expect(pictures.sheetTakesOne(many)).toContain('"19.png" and 1,214 more files are not used')
  expect(japanese.pictures.sheetTakesOne(many)).toContain("「19.png」ほか1,214個のファイルは使いません")
})

it("joins short texts as the language does", () => {
  const size = ["512 × 512 px", true, 128] as const
  expect(english.draw.sizeOf(...size)).toBe("512 × 512 px, hires fix, tiles of 128")
  expect(japanese.draw.sizeOf(...size)).toBe("512 × 512 px、Hires. fix、タイル128")
  expect(english.page.list(["canny 100 / 200", "flat"])).toBe("canny 100 / 200, flat")
  expect(japanese.page.list(["canny 100 / 200", "一定"])).toBe("canny 100 / 200、一定")
})

it("has Japanese for codes that there are", async () => {
  const table = await readFile(new URL("../../../../docs/errors.md", import.meta.url), "utf8")
  const kernels = await Promise.all(
    ["webgpu", "wasm", "runtime-web"].map((name) =>
      readFile(new URL(`../../../../packages/${name}/src/errors.ts`, import.meta.url), "utf8"),
    ),
  )
  const all = table + kernels.join("")
  const ofBrowsers = /^[A-Z]\w+Error$/
  const unknown = Object.keys(FAILURES).filter(
    (code) => !ofBrowsers.test(code) && !all.includes(`\`${code}\``) && !all.includes(`"${code}"`),
  )
  expect(unknown).toEqual([])
})

it.each([
  [{ integer: true, min: 1, max: 1000 }, "1〜1000の整数"],
  [{ above: 0 }, "0より大きい数値"],
  [{ above: 0, max: 1 }, "0より大きく、1以下の数値"],
  [{ min: 0 }, "0以上の数値"],
  [{ min: 0, below: 1 }, "0以上、1未満の数値"],
  [{ max: 3, integer: true }, "3以下の整数"],
  [{}, "数値"],
])("says the range %j in Japanese as %s", (range, text) => {
  expect(japanese.page.range(range)).toBe(text)
})
