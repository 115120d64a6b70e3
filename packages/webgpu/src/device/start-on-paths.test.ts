import { describe, expect, it } from "vitest"
import type { OptionalFeature } from "./features.ts"
import type { WebgpuDevice } from "./start.ts"
import { type CheckedStart, type PathChecks, type PathProblem, startOnPaths } from "./start-on-paths.ts"

/** The start, which is expected not to fail. */
function whole(found: CheckedStart | PathProblem): CheckedStart {
  if ("problem" in found) throw new Error(found.problem)
  return found
}

/** A device with some features, and what happens to it. */
function fake(has: readonly string[], matrices: WebgpuDevice["matrices"] = []) {
  const started: (readonly OptionalFeature[] | undefined)[] = []
  const checked: string[] = []
  let disposed = 0
  const start = async ({ features }: { readonly features?: readonly OptionalFeature[] }): Promise<WebgpuDevice> => {
    started.push(features)
    return {
      ...{ vendor: "nvidia", architecture: "lovelace", description: "driver 580", software: false, matrices },
      device: { features: new Set(has) } as unknown as GPUDevice,
      trim: () => {},
      dispose: () => {
        disposed += 1
      },
    }
  }
  const unexpected = "not expected to be checked"
  const checks = (half: string | null, matrices: string | null = unexpected, storage = matrices): PathChecks => ({
    async storage(version) {
      checked.push(`storage of ${version}`)
      return storage
    },
    async half(version) {
      checked.push(version)
      return half
    },
    async matrices(version) {
      checked.push(`matrices of ${version}`)
      return matrices
    },
  })
  return { start, checks, started, checked, disposed: () => disposed }
}

describe("the paths of kernels", () => {
  it("have float16 where this driver passes its check", async () => {
    const { start, checks, started, checked } = fake(["shader-f16"])
    const { paths, version } = whole(await startOnPaths(start, checks(null)))
    expect(version).toBe("WebGPU nvidia lovelace driver 580")
    expect(checked).toEqual([version])
    expect(started).toEqual([["shader-f16", "subgroups"]])
    expect(paths).toEqual([
      "Products may keep float16 weights in 16 bits: this driver passed their check.",
      "--precision F16 stores the U-Net's values in float16, if this driver passes that check, too.",
      "The driver has no subgroup matrices.",
    ])
  })

  it("have float32 alone where the check fails, and say why", async () => {
    const { start, checks, started, disposed } = fake(["shader-f16"])
    const { paths } = whole(await startOnPaths(start, checks("a product is 0.3 apart from float64")))
    expect(started).toEqual([["shader-f16", "subgroups"], ["subgroups"]])
    expect(disposed()).toBe(1)
    expect(paths[0]).toBe("Kernels use float32 alone: a product is 0.3 apart from float64.")
  })

  it("check nothing where the driver has no float16, and name its matrices", async () => {
    const { start, checks, checked } = fake(
      [],
      [
        { M: 16, N: 16, K: 16 },
        { M: 16, N: 16, K: 16 },
      ],
    )
    const { paths } = whole(await startOnPaths(start, checks(null)))
    expect(checked).toEqual([])
    expect(paths).toEqual([
      "Kernels use float32 alone: the driver has no float16.",
      "The driver has subgroup matrices of 16×16×16. --precision F16 multiplies on them, if this driver passes their check.",
    ])
  })

  it("have products on matrices with the precision F16, where this driver passes their check", async () => {
    const { start, checks, started, checked, disposed } = fake(["shader-f16"], [{ M: 16, N: 16, K: 16 }])
    const { paths, version, unused } = whole(await startOnPaths(start, checks(null, null), "F16"))
    expect(unused).toBe(null)
    expect(started).toEqual([undefined])
    expect(checked).toEqual([version, `storage of ${version}`, `matrices of ${version}`])
    expect(disposed()).toBe(0)
    expect(paths).toEqual([
      "The U-Net's values between layers are stored in float16: this driver passed the check.",
      "Products and attention of networks, except the VAE's, multiply float16 on subgroup matrices of 16×16×16: this driver passed their check.",
    ])
  })

  it.each([
    ["it has no matrices", [], null, "this device shows none", 1],
    ["its matrices are wrong", [16], "a convolution is 0.3 apart", "a convolution is 0.3 apart", 2],
  ])("only store float16 with the precision F16 where %s", async (_, sides, matrices, said, starts) => {
    const sizes = sides.map((side) => ({ M: side, N: side, K: side }))
    const { start, checks, started, disposed } = fake(["shader-f16"], sizes)
    const { paths, unused } = whole(await startOnPaths(start, checks(null, matrices, null), "F16"))
    expect(unused).toBe(said)
    expect(paths).toEqual([
      "The U-Net's values between layers are stored in float16: this driver passed the check.",
      `Products multiply float32, without subgroup matrices: ${said}.`,
    ])
    expect(started).toEqual([undefined, ["shader-f16", "subgroups"]].slice(0, starts))
    expect(disposed()).toBe(starts - 1)
  })

  it.each([
    ["its float16 is wrong", ["shader-f16"], "a product is 0.3 apart", null, "a product is 0.3 apart"],
    ["its storage is wrong", ["shader-f16"], null, "a product is 0.2 apart", "a product is 0.2 apart"],
    ["it has no float16", [], null, null, "the driver has no float16"],
  ])("refuse the precision F16 where %s, and end the device", async (_, features, half, storage, said) => {
    const { start, checks, disposed } = fake(features, [{ M: 16, N: 16, K: 16 }])
    expect(await startOnPaths(start, checks(half, null, storage), "F16")).toEqual({ problem: said })
    expect(disposed()).toBe(1)
  })
})
