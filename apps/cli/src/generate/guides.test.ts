import type { Settings } from "@lllite/runtime-node/options"
import { describe, expect, it } from "vitest"
import type { GUIDE_OPTIONS } from "./guides.ts"
import { guideNotices, withGuides } from "./guides.ts"

const adapters = ["a", "b"].map((path) => ({
  file: { path },
  control: { file: { path: "old" }, fit: "crop", preprocess: { kind: "invert" } } as const,
}))
const paths = (guides: readonly string[], picture: number) =>
  withGuides(adapters, guides, picture).map(({ control }) => control?.file.path)

describe("withGuides", () => {
  it("gives each picture the next guides, and begins again after the last", () => {
    const guides = ["1a", "1b", "2a", "2b", "3a"]
    expect([0, 1, 2, 3].map((picture) => paths(guides, picture))).toEqual([
      ["1a", "1b"],
      ["2a", "2b"],
      ["1a", "1b"],
      ["2a", "2b"],
    ])
    expect(paths(["p", "q"], 7)).toEqual(["p", "q"])
  })

  it("keeps the fit and the preprocessor, and all without guides", () => {
    expect(withGuides(adapters, ["p", "q"], 0)[1]?.control).toEqual({
      ...{ file: { path: "q" }, fit: "crop", preprocess: { kind: "invert" } },
    })
    expect(withGuides(adapters, [], 3)).toBe(adapters)
    expect(withGuides([], ["p"], 0)).toEqual([])
    expect(withGuides([{ file: { path: "a" } }], ["p"], 0)[0]?.control).toEqual({ file: { path: "p" }, fit: "stretch" })
  })
})

describe("guideNotices", () => {
  const settings = (changes: object) =>
    ({
      ...{ controlNetLlliteModels: ["a", "b"], guideImagePath: [], guideFit: "stretch" },
      ...{ controlNetPreps: [], controlNetMultipliers: [], controlNetRatios: [], ...changes },
    }) as Settings<typeof GUIDE_OPTIONS> & { readonly controlNetLlliteModels: readonly string[] }

  it("names lists that are shorter than that of the LLLites, and guides that are left over", () => {
    expect(guideNotices(settings({ controlNetPreps: ["canny"], controlNetRatios: [0.5] }), ["1", "2", "3"], 1)).toEqual(
      [
        "--control_net_preps has 1 entry for 2 LLLites. The others are not preprocessed.",
        "--control_net_ratios has 1 entry for 2 LLLites. The others have 1.",
        "3 control pictures are not a multiple of 2 LLLites. The last one is not used.",
      ],
    )
  })

  it("says nothing of whole lists", () => {
    expect(guideNotices(settings({ controlNetMultipliers: [1, 1] }), ["1", "2", "3", "4"], 2)).toEqual([])
    expect(guideNotices(settings({ controlNetLlliteModels: [] }), [], 1)).toEqual([])
  })

  it("says how many pictures use the guides, when the run draws fewer than there are guides for", () => {
    const guides = ["1", "2", "3", "4", "5", "6"]
    expect(guideNotices(settings({}), guides, 1)).toEqual([
      "The control pictures are for 3 pictures, of which 1 is used. For all, use --images_per_prompt 3.",
    ])
    expect(guideNotices(settings({}), guides, 3)).toEqual([])
    expect(guideNotices(settings({}), guides, 0), "not known yet").toEqual([])
  })
})
