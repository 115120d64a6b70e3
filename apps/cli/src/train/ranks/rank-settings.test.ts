import { describe, expect, it } from "vitest"
import { shapeOf } from "./rank-settings.ts"

describe("shapeOf", () => {
  it("connects ranks as a tree where a batch has a group of parts for a branch", () => {
    expect(shapeOf({ count: 16, shape: "tree" }, 16)).toEqual({ shape: "tree", notice: null })
    expect(shapeOf({ count: 16, shape: "tree" }, 9)).toEqual({ shape: "tree", notice: null })
    expect(shapeOf({ count: 16, shape: "flat" }, 16)).toEqual({ shape: "flat", notice: null })
  })

  it("connects all ranks to the leading process where branches would have nothing to do, and says so", () => {
    const { shape, notice } = shapeOf({ count: 16, shape: "tree" }, 1)
    expect(shape).toBe("flat")
    expect(notice).toContain("the largest batch has 1 part. More than 8 use a tree")
    expect(shapeOf({ count: 8, shape: "tree" }, 8)).toEqual({ shape: "flat", notice: null })
  })
})
