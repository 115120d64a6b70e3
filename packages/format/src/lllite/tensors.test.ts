import { describe, expect, it } from "vitest"
import { describeWithReference, referenceJson } from "../../test/reference.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { parameterCount } from "../selections/parameter-count.ts"
import { enumerateSites } from "../selections/selection.ts"
import type { SiteShape } from "./tensors.ts"
import { isSiteTensorName, siteParameterCount, siteTensorShapes } from "./tensors.ts"

describe("siteTensorShapes", () => {
  it("is the published form at depth 3", () => {
    const shapes = siteTensorShapes({ inDim: 1280, depth: 3, conv: false }, { condDim: 32, mlpDim: 64 })
    expect([...shapes]).toEqual([
      ["conditioning1.0.weight", [16, 3, 4, 4]],
      ["conditioning1.0.bias", [16]],
      ["conditioning1.2.weight", [16, 16, 4, 4]],
      ["conditioning1.2.bias", [16]],
      ["conditioning1.4.weight", [32, 16, 2, 2]],
      ["conditioning1.4.bias", [32]],
      ["down.0.weight", [64, 1280]],
      ["down.0.bias", [64]],
      ["mid.0.weight", [64, 96]],
      ["mid.0.bias", [64]],
      ["up.0.weight", [1280, 64]],
      ["up.0.bias", [1280]],
    ])
  })

  it("rounds half of an odd condDim down, as the reference does", () => {
    const shapes = siteTensorShapes({ inDim: 8, depth: 1, conv: false }, { condDim: 5, mlpDim: 3 })
    expect(shapes.get("conditioning1.0.weight")).toEqual([2, 3, 4, 4])
    expect(shapes.get("conditioning1.2.weight")).toEqual([5, 2, 2, 2])
    expect(shapes.get("mid.0.weight")).toEqual([3, 8])
  })

  it.each([
    [{ condDim: 1, mlpDim: 4 }, /condDim is 1/],
    [{ condDim: 4, mlpDim: 0 }, /mlpDim is 0/],
    [{ condDim: 4.5, mlpDim: 4 }, /condDim is 4.5/],
    [{ condDim: 4, mlpDim: Number.NaN }, /mlpDim is NaN/],
    [{ condDim: 2 ** 20, mlpDim: 4 }, /condDim is 1048576/],
  ])("refuses %j", (dims, message) => {
    expect(() => siteTensorShapes({ inDim: 8, depth: 1, conv: false }, dims)).toThrow(
      expect.objectContaining({ code: "dims", message: expect.stringMatching(message) }),
    )
  })

  it("takes the least and the greatest widths", () => {
    for (const dims of [
      { condDim: 2, mlpDim: 1 },
      { condDim: 65536, mlpDim: 65536 },
    ]) {
      expect(siteTensorShapes({ inDim: 8, depth: 1, conv: false }, dims).get("down.0.weight")).toEqual([dims.mlpDim, 8])
    }
  })
})

describeWithReference("siteTensorShapes matches the reference's modules", ["module.json"], () => {
  interface ModuleCase {
    readonly depth: SiteShape["depth"]
    readonly condDim: number
    readonly mlpDim: number
    readonly xShape: readonly number[]
    readonly shapes: Record<string, readonly number[]>
  }
  const { cases } = referenceJson<{ cases: Record<string, ModuleCase> }>("module.json")
  it.each(Object.entries(cases))("%s", (_, { depth, condDim, mlpDim, xShape, shapes }) => {
    // Linear inputs are [N, tokens, C], convolution inputs [N, C, H, W].
    const conv = xShape.length === 4
    const inDim = xShape[conv ? 1 : 2] ?? 0
    expect([...siteTensorShapes({ inDim, depth, conv }, { condDim, mlpDim })]).toEqual(Object.entries(shapes))
  })
})

describe("parameter counts", () => {
  it("are the published ones for SDXL", () => {
    const sites = enumerateSites(SDXL_LAYOUT)
    const count = (condDim: number, mlpDim: number): number => parameterCount(sites, { condDim, mlpDim })
    expect([count(32, 64), count(16, 32), count(32, 32), count(64, 64), count(16, 16)]).toEqual([
      22_969_600, 11_140_736, 11_918_080, 25_966_080, 5_754_240,
    ])
    expect(siteParameterCount({ inDim: 640, depth: 2, conv: false }, { condDim: 32, mlpDim: 64 })).toBe(97_840)
    expect(siteParameterCount({ inDim: 1280, depth: 3, conv: false }, { condDim: 32, mlpDim: 64 })).toBe(178_368)
  })
})

describe("isSiteTensorName", () => {
  it("knows the names of a site's tensors and no similar ones", () => {
    const names = [...siteTensorShapes({ inDim: 8, depth: 3, conv: true }, { condDim: 4, mlpDim: 4 }).keys()]
    expect(names.every(isSiteTensorName)).toBe(true)
    for (const name of ["up.0", "up.0.weight.", "up.1.weight", "conditioning1.1.bias", " up.0.weight", "alpha", ""]) {
      expect(isSiteTensorName(name)).toBe(false)
    }
  })
})
