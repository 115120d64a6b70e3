import { expect, it } from "vitest"
import { crc32c } from "./crc32c.ts"

// Source: RFC 3720, appendix B.4, and the check value of CRC-32C.
it.each([
  ["123456789", Buffer.from("123456789"), 0xe3069283],
  ["32 bytes of 0", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of 255", new Uint8Array(32).fill(255), 0x62a8ab43],
  ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
])("has the known sum of %s", (_, bytes, sum) => {
  expect(crc32c(bytes)).toBe(sum)
})
