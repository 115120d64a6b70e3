import { describe, expect, it } from "vitest"
import { createBuckets, cropCondition } from "./buckets.ts"

const sdxl = { resolution: [1024, 1024], minSize: 256, maxSize: 2048 } as const

describe("createBuckets", () => {
  it("has 41 sizes for SDXL's area, none larger than it", () => {
    const { sizes } = createBuckets(sdxl)
    expect(sizes.length).toBe(41)
    expect(sizes).toContainEqual([832, 1216])
    for (const [width, height] of sizes) {
      expect((width % 64) + (height % 64)).toBe(0)
      expect(width * height).toBeLessThanOrEqual(1024 * 1024)
    }
  })

  it("lists every size of an area both ways, in order", () => {
    expect(createBuckets({ resolution: [128, 128], minSize: 64, maxSize: 256 }).sizes).toEqual([
      ...[[64, 192] as const, [64, 256] as const, [128, 128] as const],
      ...[[192, 64] as const, [256, 64] as const],
    ])
  })

  it("has 25 sizes under the default longest side", () => {
    expect(createBuckets({ resolution: [1024, 1024] }).sizes.length).toBe(25)
  })

  it("chooses the nearest aspect and covers the bucket", () => {
    const { choose } = createBuckets(sdxl)
    expect(choose([1000, 700])).toEqual({ bucket: [1216, 832], resized: [1216, 851] })
    expect(choose([1920, 1080])).toEqual({ bucket: [1344, 768], resized: [1365, 768] })
    expect(choose([512, 768])).toEqual({ bucket: [832, 1216], resized: [832, 1248] })
    for (let width = 100; width < 4000; width += 137) {
      for (let height = 100; height < 4000; height += 171) {
        const { bucket, resized } = choose([width, height])
        expect(resized[0]).toBeGreaterThanOrEqual(bucket[0])
        expect(resized[1]).toBeGreaterThanOrEqual(bucket[1])
      }
    }
  })

  it("gives a picture of a bucket's size that bucket", () => {
    expect(createBuckets(sdxl).choose([512, 1856])).toEqual({ bucket: [512, 1856], resized: [512, 1856] })
  })

  it("never enlarges with noUpscale", () => {
    const { choose, sizes } = createBuckets({ resolution: [1024, 1024], noUpscale: true })
    expect(sizes).toEqual([])
    expect(choose([1000, 700])).toEqual({ bucket: [960, 640], resized: [1000, 700] })
    expect(choose([4000, 3000])).toEqual({ bucket: [1088, 832], resized: [1109, 832] })
  })

  it.each([
    [
      [1024, 1024],
      [1024, 1024],
      [1024, 1024],
    ],
    [
      [3000, 4000],
      [832, 1109],
      [832, 1088],
    ],
    [
      [5000, 2000],
      [1600, 640],
      [1600, 640],
    ],
    [
      [2500, 2400],
      [1024, 983],
      [1024, 960],
    ],
    [
      [1300, 1000],
      [1165, 896],
      [1152, 896],
    ],
  ] as const)("fits %j without enlarging it", (image, resized, bucket) => {
    expect(createBuckets({ resolution: [1024, 1024], noUpscale: true }).choose(image)).toEqual({ bucket, resized })
  })

  it("takes any step from 1, and a resolution at its limits", () => {
    expect(createBuckets({ resolution: [64, 64], step: 1, noUpscale: true }).choose([33, 61]).bucket).toEqual([33, 61])
    expect(createBuckets({ resolution: [256, 1024] }).sizes).toContainEqual([256, 1024])
    expect(() => createBuckets({ resolution: [192, 1024] })).toThrow(/not between the sides 256 and 1024/)
    expect(() => createBuckets({ resolution: [256, 1088] })).toThrow(/not between the sides 256 and 1024/)
    expect(() => createBuckets({ resolution: [64, 64], minSize: 32 })).toThrow(/between the sides 0 and 1024/)
    expect(() => createBuckets({ resolution: [512, 512], minSize: 0 })).toThrow(/minSize and maxSize must be positive/)
  })

  it("widens the limits to multiples of the step", () => {
    const { sizes } = createBuckets({ resolution: [512, 512], minSize: 300, maxSize: 700 })
    expect(Math.min(...sizes.flat())).toBe(256)
    // 704, the next multiple above 700.
    expect(Math.max(...sizes.flat())).toBe(704)
  })

  it("refuses a resolution outside its limits, limits without effect and pictures that are too small", () => {
    expect(() => createBuckets({ resolution: [2048, 2048] })).toThrow(/2048 x 2048 is not between/)
    expect(() => createBuckets({ resolution: [512, 512], noUpscale: true, maxSize: 1024 })).toThrow(
      /maxSize has no effect/,
    )
    expect(() => createBuckets({ resolution: [512, 512], step: 0 })).toThrow(/step/)
    expect(() => createBuckets({ resolution: [512, 512], noUpscale: true }).choose([50, 400])).toThrow(
      /50 x 400 is smaller/,
    )
    // It is larger than the area, and its shorter side does not reach the step.
    expect(() => createBuckets({ resolution: [64, 64], noUpscale: true }).choose([96, 64])).toThrow(
      /96 x 64 shrinks to 4096 pixels, and a side is then smaller than the step of 64\. .*raise the resolution/,
    )
    expect(() => createBuckets(sdxl).choose([0, 10])).toThrow(/image must be positive/)
  })
})

describe("cropCondition", () => {
  it("is the margin of the picture fitted into its bucket", () => {
    // Values of sd-scripts for SDXL's buckets.
    expect(cropCondition([1000, 700], [1216, 832])).toEqual([0, 13])
    expect(cropCondition([1920, 1080], [1344, 768])).toEqual([6, 0])
    expect(cropCondition([1080, 1920], [768, 1344])).toEqual([0, 6])
    expect(cropCondition([3000, 1000], [1728, 576])).toEqual([0, 0])
    expect(cropCondition([512, 768], [832, 1216])).toEqual([0, 10])
  })

  it("counts from the other side when mirrored", () => {
    // 1216 - (13 + 1188.57) = 14.4
    expect(cropCondition([1000, 700], [1216, 832], true)).toEqual([0, 14])
    expect(cropCondition([1920, 1080], [1344, 768], true)).toEqual([6, 0])
  })
})
