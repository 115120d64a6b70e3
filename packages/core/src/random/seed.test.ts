import { expect, it } from "vitest"
import { keyOf } from "./philox.ts"
import { checkSeed, LARGEST_SEED, readSeed, seedAfter } from "./seed.ts"

it("reads seeds of 64 bits, as numbers where these are exact", () => {
  expect([0, "0", 7n, "007", 2 ** 53 - 1].map(readSeed)).toEqual([0, 0, 7, 7, 2 ** 53 - 1])
  expect(readSeed("9007199254740992")).toBe(2n ** 53n)
  expect(readSeed("18446744073709551615")).toBe(LARGEST_SEED)
})

it.each([-1, 1.5, 2 ** 53, Number.NaN, "-1", "1e3", "0x10", " 1", "", "18446744073709551616", 2n ** 64n, null, [1]])(
  "reads no seed from %s",
  (value) => {
    expect(readSeed(value)).toBeNull()
  },
)

it("counts on from a seed, over the limit of exact numbers", () => {
  expect(seedAfter(5, 2)).toBe(7)
  expect(seedAfter(2 ** 53 - 1, 1)).toBe(2n ** 53n)
  expect(() => seedAfter(LARGEST_SEED, 1)).toThrow(/1 after 18446744073709551615 is above/)
})

it("names a wrong seed, and the way out for a number that is not exact", () => {
  expect(() => checkSeed("generate", -1)).toThrow("generate: seed is -1, expected a whole number from 0 to 2^64 - 1")
  expect(() => checkSeed("generate", 2 ** 60)).toThrow(/give a bigint/)
  expect(keyOf(LARGEST_SEED)).toEqual([0xffffffff, 0xffffffff])
})
