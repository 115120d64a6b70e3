import { describe, expect, it } from "vitest"
import { jsonMistake } from "./json-mistake.ts"

describe("jsonMistake", () => {
  it.each([
    ['{\n "a": 1,\n}', "line 3, column 1: a comma before }. Remove the comma."],
    ['[{"a": 1,\n "b": }]', 'line 2, column 7: an unexpected "}". Names and texts stand in double quotes.'],
    ["", "line 1, column 1: the text ends too early. Is a bracket or a quote missing?"],
    ['{"a": 1} x', 'line 1, column 10: an unexpected "x". Names and texts stand in double quotes.'],
    ['{"a": "\u0001"}', "line 1, column 8: a control character inside of a text. Write \\n for the end of a line."],
  ])("names the place and the way out: %j", (text, mistake) => {
    expect(jsonMistake(text)).toBe(mistake)
  })
})
