import { describe, expect, it } from "vitest"
import { putBack } from "./put-back.ts"

describe("putBack", () => {
  it("restores a list that did not change since", () => {
    expect(putBack(["b"], ["a", "b", "c"], ["a", "c"])).toEqual(["a", "b", "c"])
    expect(putBack([], ["a", "b"], ["a", "b"])).toEqual(["a", "b"])
  })

  it("keeps what was changed and added since", () => {
    expect(putBack(["B", "d"], ["a", "b", "c"], ["a", "c"])).toEqual(["a", "B", "c", "d"])
  })

  it("appends a member whose place is beyond the end", () => {
    expect(putBack([], ["a", "b", "c"], ["c"])).toEqual(["c"])
  })
})
