import { sdxlShapes } from "@lllite/core/reference"
import { describe, expect, it } from "vitest"
import { WebgpuLimitError } from "../errors.ts"
import { expectBindable, spreadGroups } from "./limits.ts"

describe("limits", () => {
  const limits = { maxBufferSize: 1000, maxStorageBufferBindingSize: 100 } as GPUSupportedLimits

  it("allow what fits", () => {
    expect(() => expectBindable(limits, "a tensor", 100)).not.toThrow()
  })

  it("refuse a tensor that cannot be bound or created, by name and with the figures", () => {
    expect(() => expectBindable(limits, 'weight "a"', 104)).toThrow(WebgpuLimitError)
    expect(() => expectBindable(limits, 'weight "a"', 104)).toThrow(
      /weight "a" takes 104 bytes, this device's maxStorageBufferBindingSize is 100/,
    )
    expect(() => expectBindable({ ...limits, maxStorageBufferBindingSize: 5000 }, "x", 1004)).toThrow(
      /maxBufferSize is 1000/,
    )
  })

  it("accept every weight of SDXL on a device with WebGPU's default limits", async () => {
    const least = { maxBufferSize: 256 * 2 ** 20, maxStorageBufferBindingSize: 128 * 2 ** 20 } as GPUSupportedLimits
    const refused: string[] = []
    for (const shapes of Object.values(await sdxlShapes())) {
      for (const [name, shape] of shapes as ReadonlyMap<string, readonly number[]>) {
        try {
          // The sizes are for float32, the largest format.
          expectBindable(
            least,
            name,
            shape.reduce((product, size) => product * size, 4),
          )
        } catch {
          refused.push(name)
        }
      }
    }
    // Tables stay off the device, because few of their rows are ever looked up.
    expect(refused.filter((name) => !name.endsWith("token_embedding.weight"))).toEqual([])
    expect(refused).toHaveLength(2)
  })

  it("spread all workgroups over two dimensions within the limit", () => {
    for (const count of [1, 65_535, 65_536, 70_001, 10 ** 9]) {
      const [x, y] = spreadGroups("kernel", count)
      expect(x).toBeLessThanOrEqual(65_535)
      expect(y).toBeLessThanOrEqual(65_535)
      expect(x * y).toBeGreaterThanOrEqual(count)
      // The surplus is less than a row.
      expect(x * y - count).toBeLessThan(y)
    }
    expect(() => spreadGroups("kernel", 65_535 ** 2 + 1)).toThrow(WebgpuLimitError)
  })
})
