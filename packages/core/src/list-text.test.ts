import { expect, it } from "vitest"
import { listText } from "./list-text.ts"

it.each([
  [[], ""],
  [["a"], "a"],
  [[64, 128], "64 or 128"],
  [["a", "b", "c"], "a, b or c"],
])("writes %j as a list", (parts, text) => {
  expect(listText(parts, "or")).toBe(text)
})
