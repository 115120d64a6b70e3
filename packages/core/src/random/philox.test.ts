import { describe, expect, it } from "vitest"
import { keyOf, philox4x32 } from "./philox.ts"

const block = (counter: readonly number[], [key0, key1]: readonly [number, number]): readonly number[] => {
  const words = Uint32Array.from(counter)
  philox4x32(words, key0, key1)
  return [...words]
}

describe("philox4x32", () => {
  // kat_vectors of Random123, philox4x32 with 10 rounds.
  it.each([
    {
      counter: [0, 0, 0, 0],
      key: [0, 0],
      want: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      want: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      want: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ])("gives the known answer for counter $counter", ({ counter, key, want }) => {
    expect(block(counter, key as [number, number])).toEqual(want)
  })
})

describe("keyOf", () => {
  it("splits a seed into its low and its high word", () => {
    expect(keyOf(7)).toEqual([7, 0])
    expect(keyOf(2 ** 33 + 5)).toEqual([5, 2])
    expect(keyOf(0xfedcba9876543210n)).toEqual([0x76543210, 0xfedcba98])
  })

  it.each([-1, 0.5, Number.NaN, 2 ** 53, -1n, 1n << 64n])("refuses %s", (seed) => {
    expect(() => keyOf(seed)).toThrow(/seed is .*, expected a whole number from 0 to 2\^64 - 1/)
  })
})
