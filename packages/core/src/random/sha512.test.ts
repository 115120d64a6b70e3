import { expect, it } from "vitest"
import { sha512 } from "./sha512.ts"

const hex = (text: string): string =>
  [...sha512(new TextEncoder().encode(text))].map((byte) => byte.toString(16).padStart(2, "0")).join("")

it("gives the digests of FIPS 180-4, over one block and over several", () => {
  expect(hex("abc")).toBe(
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  )
  expect(hex("a".repeat(200)).slice(0, 32)).toBe("4b11459c33f52a22ee8236782714c150")
  // The length needs a block of its own.
  expect(sha512(new Uint8Array(112)).length).toBe(64)
})
