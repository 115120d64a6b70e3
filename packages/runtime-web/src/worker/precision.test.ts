import { describe, expect, it } from "vitest"
import { choosePrecision } from "./precision.ts"

const MATRICES = { matrices: [{ M: 16, N: 16, K: 16 }] }

describe("the precision of products in a browser", () => {
  let checks = 0
  const check = (problem: string | null) => async (): Promise<string | null> => {
    checks += 1
    return problem
  }

  it("is float32 without a check, unless float16 is wanted", async () => {
    expect(await choosePrecision("F32", MATRICES, check(null))).toEqual({ precision: "F32", notices: [] })
    expect(checks).toBe(0)
  })

  it("is float16 where the driver passes its check", async () => {
    expect(await choosePrecision("F16", MATRICES, check(null))).toEqual({ precision: "F16", notices: [] })
  })

  it("is float32 with a reason where the driver fails it, and where there are no matrices", async () => {
    const { precision, notices } = await choosePrecision("F16", MATRICES, check("a product is 1.0e-3 apart"))
    expect([precision, ...notices]).toEqual([
      "F32",
      "Products are computed in float32, not in float16: a product is 1.0e-3 apart.",
    ])
    const before = checks
    expect(await choosePrecision("F16", { matrices: [] }, check(null))).toEqual({
      precision: "F32",
      notices: ["Products are computed in float32, not in float16: this browser shows no subgroup matrices."],
    })
    expect(checks).toBe(before)
  })
})
