import fc from "fast-check"
import { expect, it } from "vitest"
import { bytesField, floatField, integerField, message } from "./protobuf.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

it("writes the examples of the specification", () => {
  // protobuf.dev, "Encoding": field 1 = 150, field 2 = "testing", field 3 = a message with field 1 = 150.
  expect(hex(integerField(1, 150))).toBe("089601")
  expect(hex(bytesField(2, "testing"))).toBe("120774657374696e67")
  expect(hex(bytesField(3, integerField(1, 150)))).toBe("1a03089601")
  expect(hex(integerField(1, -1))).toBe("08ffffffffffffffffff01")
  expect(hex(floatField(4, 1))).toBe("250000803f")
  expect(hex(message(integerField(1, 0), integerField(2, 1)))).toBe("08001001")
})

it("writes every whole number as its reader takes it", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.integer({ min: 1, max: 2000 }), (value, field) => {
      const bytes = integerField(field, value)
      let at = 0
      const next = (): bigint => {
        let result = 0n
        for (let shift = 0n; ; shift += 7n) {
          const byte = BigInt(bytes[at++] ?? 0)
          result |= (byte & 127n) << shift
          if (byte < 128n) return result
        }
      }
      expect(next()).toBe(BigInt(field * 8))
      expect(BigInt.asIntN(64, next())).toBe(BigInt(value))
      expect(at).toBe(bytes.length)
    }),
  )
})
