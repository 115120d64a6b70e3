import { describe, expect, it } from "vitest"
import { epochFileName, fileDate, stepFileName } from "./save-lllite.ts"

describe("fileDate", () => {
  it("takes the date from SOURCE_DATE_EPOCH and never from the clock", () => {
    expect(fileDate({ SOURCE_DATE_EPOCH: "1767323045" })).toEqual({ date: "2026-01-02T03:04:05" })
    expect(fileDate({})).toEqual({})
    expect(fileDate({ SOURCE_DATE_EPOCH: "" })).toEqual({})
  })

  it.each(["yesterday", "-1", "1.5", "1e300"])("refuses %s", (epoch) => {
    expect(() => fileDate({ SOURCE_DATE_EPOCH: epoch })).toThrow(/expected whole seconds since 1970/)
  })
})

it("names files as sd-scripts does", () => {
  expect(stepFileName("canny", 100)).toBe("canny-step00000100.safetensors")
  expect(epochFileName("canny", 2)).toBe("canny-000002.safetensors")
})
