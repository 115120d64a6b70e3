import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { RanksError } from "./errors.ts"
import { createMessageReader, packMessage } from "./message.ts"

/** Sends a message in frames that are cut anew, and reads it. */
function sent(message: unknown, cut = Number.MAX_SAFE_INTEGER): unknown {
  const bytes = Buffer.concat(packMessage(message))
  const reader = createMessageReader()
  for (let from = 0; from < bytes.length; from += cut) {
    const read = reader.take(bytes.subarray(from, from + cut))
    if (read !== null) {
      expect(from + cut).toBeGreaterThanOrEqual(bytes.length)
      return read.message
    }
  }
  throw new Error("the message did not end")
}

const leaf = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.double(),
  fc.bigInt({ min: 0n, max: 2n ** 64n }),
  fc.float32Array({ maxLength: 9 }),
  fc.uint8Array({ maxLength: 9 }),
)
const { tree: message } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "$" && key !== "__proto__"),
      tie("tree"),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
}))

describe("a message", () => {
  it("comes as it was sent, whatever the frames", () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 1, max: 40 }), (value, cut) => {
        expect(sent(value, cut)).toEqual(value)
        expect(sent(value)).toEqual(value)
      }),
    )
  })

  it("keeps arrays bit for bit, and parts of arrays as parts", () => {
    const values = Float32Array.of(1, -0, Number.NaN, 3e-45, Number.POSITIVE_INFINITY)
    const read = sent({ values: values.subarray(1, 4), again: values }) as { values: Float32Array; again: Float32Array }
    expect(new Uint32Array(read.values.buffer)).toEqual(new Uint32Array(values.slice(1, 4).buffer))
    expect(new Uint32Array(read.again.buffer)).toEqual(new Uint32Array(values.buffer))
    expect(read.values.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it("goes in frames of at most 2 MiB, without a copy of its arrays", () => {
    const values = new Float32Array(2 ** 20)
    const frames = packMessage({ values })
    expect(frames.map(({ length }) => length).slice(1)).toEqual([2 ** 21, 2 ** 21])
    expect(frames.at(-1)?.buffer).toBe(values.buffer)
  })

  it.each([
    ["a head that is too long", [255, 255, 255, 255]],
    ["a head that is not JSON", [1, 0, 0, 0, 123]],
    ["an array without a length", head('{"$":"f32"}')],
    ["an array of a length that is none", head('{"$":"f32","length":-1}')],
    ["an array that is too long", head('{"$":"f32","length":600000000}')],
    ["arrays that are too long together", head('[{"$":"u8","length":1500000000},{"$":"u8","length":1500000000}]')],
    ["a kind that is unknown", head('{"$":"toString"}')],
    ["digits that are none", head('{"$":"bigint","digits":"1e9"}')],
    ["more bytes than it names", [...head("1"), 7]],
  ])("is refused with %s", (_, bytes) => {
    expect(() => createMessageReader().take(Uint8Array.from(bytes))).toThrow(RanksError)
  })

  it("never fails otherwise, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          createMessageReader().take(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(RanksError)
        }
      }),
    )
  })
})

function head(json: string): number[] {
  return [json.length, 0, 0, 0, ...Buffer.from(json)]
}
