import { describe, expect, it } from "vitest"
import { CONTROL_TYPE_NAMES, CONTROL_TYPES, controlTypeProblem, controlTypesOf } from "./control-types.ts"

describe("the control types of a ControlNet Union", () => {
  it("are those whose number is below its count", () => {
    for (const types of [6, 8]) {
      const names = controlTypesOf({ types })
      expect(names).toEqual(CONTROL_TYPE_NAMES.filter((name) => CONTROL_TYPES[name] <= types - 1))
      expect(new Set(names.map((name) => CONTROL_TYPES[name])).size).toBe(types)
    }
  })

  it("are asked for, and refused where it has none", () => {
    const [least] = CONTROL_TYPE_NAMES.filter((name) => CONTROL_TYPES[name] === 0)
    const [last] = CONTROL_TYPE_NAMES.filter((name) => CONTROL_TYPES[name] === 6)
    expect(controlTypeProblem({ types: 6 }, least)).toBeNull()
    expect(controlTypeProblem({ types: 8 }, last)).toBeNull()
    const expected = `Expected one of ${controlTypesOf({ types: 6 }).join(", ")}.`
    expect(controlTypeProblem({ types: 6 }, last)).toBe(
      `This ControlNet Union has 6 control types, and "${last}" is not among them. ${expected}`,
    )
    expect(controlTypeProblem({ types: 6 }, undefined)).toBe(
      `A ControlNet Union needs the type of its control, and none is given. ${expected}`,
    )
  })
})
