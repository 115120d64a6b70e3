import { describe, expect, it } from "vitest"
import { CONTROL_TYPES, controlTypeProblem, controlTypesOf } from "./control-types.ts"

describe("the control types of a ControlNet Union", () => {
  it("are those of its authors, by the row of each", () => {
    // xinsir6/ControlNetPlus: 0 openpose, 1 depth, 2 hed/pidi/scribble/ted, 3 canny/lineart/anime_lineart/mlsd,
    // 4 normal, 5 segment, and in the larger files 6 tile, 7 repaint.
    const first = ["openpose", "depth", "hed", "pidi", "scribble", "ted", "canny", "lineart", "anime_lineart", "mlsd"]
    expect(controlTypesOf({ types: 6 })).toEqual([...first, "normal", "segment"])
    expect(controlTypesOf({ types: 8 })).toEqual([...first, "normal", "segment", "tile", "repaint"])
    expect(Object.values(CONTROL_TYPES)).toEqual([0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 5, 6, 7])
  })

  it("are asked for, and refused where it has none", () => {
    expect(controlTypeProblem({ types: 6 }, "openpose")).toBeNull()
    expect(controlTypeProblem({ types: 6 }, "segment")).toBeNull()
    expect(controlTypeProblem({ types: 8 }, "tile")).toBeNull()
    const expected =
      "Expected one of openpose, depth, hed, pidi, scribble, ted, canny, lineart, anime_lineart, mlsd, normal, segment."
    expect(controlTypeProblem({ types: 6 }, "tile")).toBe(
      `This ControlNet Union has 6 control types, and "tile" is not among them. ${expected}`,
    )
    expect(controlTypeProblem({ types: 6 }, undefined)).toBe(
      `A ControlNet Union needs the type of its control, and none is given. ${expected}`,
    )
  })
})
