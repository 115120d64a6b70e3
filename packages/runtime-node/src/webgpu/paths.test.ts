import type { OptionalFeature, WebgpuDevice } from "@lllite/webgpu"
import { describe, expect, it } from "vitest"
import { startOnPaths } from "./paths.ts"

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
  const check = (outcome: string | null) => async (version: string) => {
    checked.push(version)
    return outcome
  }
  return { start, check, started, checked, disposed: () => disposed }
}

describe("the paths of kernels", () => {
  it("have float16 where this driver passes its check", async () => {
    const { start, check, started, checked } = fake(["shader-f16"])
    const { paths, version } = await startOnPaths(start, check(null))
    expect(version).toBe("WebGPU nvidia lovelace driver 580")
    expect(checked).toEqual([version])
    expect(started).toEqual([undefined])
    expect(paths[0]).toMatch(/passed their check/)
  })

  it("have float32 alone where the check fails, and say why", async () => {
    const { start, check, started, disposed } = fake(["shader-f16"])
    const { paths } = await startOnPaths(start, check("a product is 0.3 apart from float64"))
    expect(started).toEqual([undefined, ["subgroups"]])
    expect(disposed()).toBe(1)
    expect(paths[0]).toBe("Kernels use float32 alone: a product is 0.3 apart from float64.")
  })

  it("check nothing where the driver has no float16, and name its matrices", async () => {
    const { start, check, checked } = fake(
      [],
      [
        { M: 16, N: 16, K: 16 },
        { M: 16, N: 16, K: 16 },
      ],
    )
    const { paths } = await startOnPaths(start, check(null))
    expect(checked).toEqual([])
    expect(paths).toEqual([
      "Kernels use float32 alone: the driver has no float16.",
      "The driver has subgroup matrices of 16×16×16. No kernel uses them yet.",
    ])
  })
})
