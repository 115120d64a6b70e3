import { ROUNDED_BLOCK } from "@lllite/core/training"
import { describe, expect, it } from "vitest"
import type { Piece } from "./messages.ts"
import { createAssembly, createPieceSender } from "./pieces.ts"

const SIZE = 700 * ROUNDED_BLOCK + 9
const gradients = Float32Array.from({ length: SIZE }, (_, i) => Math.sin(i))
const lengthOf = (piece: Piece): number => ("values" in piece ? piece.values.length : piece.halves.length / 2)

/** Sends a gradient whose ranges become final one after another. */
async function sent(ranges: readonly (readonly [number, number])[], rounding: Float32Array | null = null) {
  const messages: (readonly Piece[])[] = []
  const lists = rounding && { before: null, after: rounding }
  const sender = createPieceSender(SIZE, lists, async (pieces) => void messages.push(pieces))
  for (const range of ranges) sender.note(gradients, [range])
  const early = messages.flat().reduce((sum, piece) => sum + lengthOf(piece), 0)
  await sender.finish(gradients)
  const assembly = createAssembly(SIZE)
  for (const pieces of messages) expect(assembly.take(pieces)).toBeNull()
  return { early, messages, whole: assembly.whole() }
}

describe("a gradient in pieces", () => {
  it("is sent as it becomes final, from back to front, and comes whole", async () => {
    const { early, messages, whole } = await sent([
      [SIZE - 300_001, SIZE],
      [100, 400_000],
    ])
    expect(messages).toHaveLength(3)
    expect(early).toBeGreaterThan(0.99 * (SIZE - 17_000))
    expect(whole).toEqual(gradients)
    expect(messages[0]?.[0]?.from).toBeGreaterThan(messages[1]?.[0]?.from ?? 0)
  })

  it("has the same bytes in one message and in several, also in float16", async () => {
    const lists = [new Float32Array(SIZE), new Float32Array(SIZE)] as const
    const several = await sent([[0, 300_000]], lists[0])
    const one = await sent([], lists[1])
    expect([several.messages.length, one.messages.length]).toEqual([2, 1])
    expect(several.whole).toEqual(one.whole)
    expect(lists[0]).toEqual(lists[1])
    const bytes = one.messages.flat().map((piece) => ("halves" in piece ? piece.halves.length : 0))
    expect(bytes).toEqual([2 * SIZE])
  })

  it.each<[string, Piece]>([
    ["lie outside", { from: 0, values: new Float32Array(SIZE + 1) }],
    ["begin within a block", { from: 7, values: new Float32Array(ROUNDED_BLOCK) }],
    ["end within a block", { from: 0, values: new Float32Array(7) }],
    ["are empty", { from: 0, values: new Float32Array(0) }],
    ["have too few exponents", { from: 0, exponents: new Uint8Array(0), halves: new Uint8Array(2 * ROUNDED_BLOCK) }],
    ["have half a number", { from: 0, exponents: new Uint8Array(1), halves: new Uint8Array(2 * ROUNDED_BLOCK + 1) }],
  ])("is refused when pieces %s", (_, piece) => {
    expect(createAssembly(SIZE).take([piece])).toMatch(/^it sent/)
  })

  it("is refused when pieces come twice, or not at all", () => {
    const piece = { from: 0, values: new Float32Array(ROUNDED_BLOCK) }
    const assembly = createAssembly(SIZE)
    expect(assembly.take([piece, piece])).toBe("it sent gradients twice")
    expect(assembly.whole()).toBe("it sent 1 of 701 blocks of gradients")
  })
})
