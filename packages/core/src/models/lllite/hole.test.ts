import { describe, expect, it } from "vitest"
import { cutPatches } from "./conditioner.ts"
import { withHole } from "./hole.ts"

const control = { width: 8, height: 8, data: new Uint8Array(8 * 8 * 3).fill(255) }
/** The left half. */
const hole = { width: 8, height: 8, data: Uint8Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 128 : 127)) }

describe("withHole", () => {
  it("hides the picture inside, and says where", () => {
    const { channels, data } = withHole(control, hole)
    expect([channels, data.length]).toEqual([4, 64 * 4])
    expect([...data.slice(0, 4)]).toEqual([0, 0, 0, 1])
    expect([...data.slice(4 * 7, 4 * 8)]).toEqual([1, 1, 1, -1])
  })

  it("refuses a hole of another size", () => {
    expect(() => withHole(control, { ...hole, width: 4, height: 16 })).toThrow("the hole is 4×16 px, the control 8×8")
  })
})

describe("patches", () => {
  it("have the hole where it is read, and the picture alone elsewhere", () => {
    const images = withHole(control, hole)
    const four = cutPatches(images, { depth: 1, channels: 4 }).values
    expect([four.length, [...four.slice(0, 4)], [...four.slice(-4)]]).toEqual([256, [0, 0, 0, 1], [1, 1, 1, -1]])
    const three = cutPatches(images, { depth: 1, channels: 3 }).values
    expect([three.length, [...three.slice(0, 3)], [...three.slice(-3)]]).toEqual([192, [0, 0, 0], [1, 1, 1]])
  })

  it("are refused without a hole that is read", () => {
    const images = { count: 1, width: 8, height: 8, data: new Float32Array(192) }
    expect(() => cutPatches(images, { depth: 1, channels: 4 })).toThrow(
      /reads the hole of its control, and there is none/,
    )
  })
})
