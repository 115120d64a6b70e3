import { describe, expect, it } from "vitest"
import { compare, compareExactly } from "./case.ts"
import { halfResults } from "./half.ts"

describe("results of half precision", () => {
  it("compare a site's gradients by their norm, and outputs by the greatest value", () => {
    const results = [
      compare("unet.plain", [1.005, 2], [1, 2]),
      compare("unet.train.grad/site_a.down.0.weight (checkpointing)", [3, 0], [0, 3]),
      compare("unet.train.grad/site_a.up.0.bias (checkpointing)", [4.1], [4]),
      compare("unet.train.grad/site_b.up.0.bias (checkpointing)", [1.03], [1]),
      compare("unet.train.grad.norm", [1.015], [1]),
      compareExactly("unet.selection.a", [1], [2]),
      { case: "other", skipped: "it needs more memory" },
    ]
    expect(halfResults(results).map((result) => [result.case, "ok" in result ? result.ok : null])).toEqual([
      ["unet.plain", true],
      ["unet.train.grad.norm", true],
      ["unet.selection.a", false],
      ["other", null],
      ["unet.train.grad/site_a (checkpointing), norm", true],
      ["unet.train.grad/site_b (checkpointing), norm", false],
    ])
  })

  it("keep what is wrong wrong", () => {
    const results = [
      compare("unet.plain", [1.03, 2], [1, 2]),
      compare("unet.train.after6/site.up.0.weight", [Number.NaN], [1]),
      compare("unet.train.after6/other.up.0.weight", [], [1]),
    ]
    expect(halfResults(results).map((result) => "ok" in result && result.ok)).toEqual([false, false, false])
  })
})
