import { type OptionalFeature, type PathChecks, startOnPaths, type WebgpuDevice } from "@lllite/webgpu"
import { describe, expect, it } from "vitest"
import { startInPrecision } from "./precision.ts"

/** A browser's device with some features, and the features that it was started with. */
function fake(features: readonly string[], sizes: WebgpuDevice["matrices"] = []) {
  const starts: (readonly OptionalFeature[] | undefined)[] = []
  const start = async (options: { readonly features?: readonly OptionalFeature[] }): Promise<WebgpuDevice> => {
    starts.push(options.features)
    return {
      ...{ vendor: "amd", architecture: "rdna-3", description: "", software: false, matrices: sizes },
      device: { features: new Set(features) } as unknown as GPUDevice,
      trim: () => {},
      dispose: () => {},
    }
  }
  return { start, starts }
}

const checks = (half: string | null, storage: string | null, matrices: string | null): PathChecks => ({
  half: async () => half,
  storage: async () => storage,
  matrices: async () => matrices,
})
const RIGHT = checks(null, null, null)
const NEVER: PathChecks = {
  half: () => Promise.reject(new Error("a check ran")),
  storage: () => Promise.reject(new Error("a check ran")),
  matrices: () => Promise.reject(new Error("a check ran")),
}

describe("the precision in a browser", () => {
  it("is float32 without a check, unless float16 is wanted", async () => {
    const { start, starts } = fake(["shader-f16"])
    const { precision, notices } = await startInPrecision("F32", start, NEVER, startOnPaths)
    expect([precision, ...notices]).toEqual(["F32"])
    expect(starts).toEqual([undefined])
  })

  it("is float16 on the matrices of a driver that passes all checks", async () => {
    const { start, starts } = fake(["shader-f16"], [{ M: 16, N: 16, K: 16 }])
    const { precision, notices } = await startInPrecision("F16", start, RIGHT, startOnPaths)
    expect([precision, ...notices]).toEqual(["F16"])
    expect(starts).toEqual([undefined])
  })

  it("is float16 between layers alone where matrices are missing or wrong, and that is said", async () => {
    const said = "Products multiply float32, without subgroup matrices:"
    const without = fake(["shader-f16"])
    const one = await startInPrecision("F16", without.start, RIGHT, startOnPaths)
    expect([one.precision, ...one.notices]).toEqual(["F16", `${said} this device shows none.`])
    const wrong = fake(["shader-f16"], [{ M: 8, N: 8, K: 8 }])
    const two = await startInPrecision("F16", wrong.start, checks(null, null, "a product is 0.3 apart"), startOnPaths)
    expect([two.precision, ...two.notices]).toEqual(["F16", `${said} a product is 0.3 apart.`])
    expect(wrong.starts).toEqual([undefined, ["shader-f16", "subgroups"]])
  })

  it.each([
    ["the driver has no float16", [], RIGHT],
    ["a product is 0.2 apart", ["shader-f16"], checks("a product is 0.2 apart", null, null)],
    ["an addition is 0.1 apart", ["shader-f16"], checks(null, "an addition is 0.1 apart", null)],
  ])("is float32 with the reason: %s", async (reason, features, found) => {
    const { start, starts } = fake(features)
    const { precision, notices } = await startInPrecision("F16", start, found, startOnPaths)
    expect([precision, ...notices]).toEqual(["F32", `Products are computed in float32, not in float16: ${reason}.`])
    expect(starts).toEqual([undefined, undefined])
  })
})
