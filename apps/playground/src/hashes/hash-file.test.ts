import { createHash } from "node:crypto"
import { expect, it } from "vitest"
import { hashFile } from "./hash-file.ts"

it.each([0, 1, 63, 64, 4 * 2 ** 20, 4 * 2 ** 20 + 1, 9 * 2 ** 20 - 5])(
  "hashes a file of %i bytes as Node does",
  async (size) => {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 2654435761) >>> 24)
    expect(await hashFile(new Blob([bytes]))).toBe(createHash("sha256").update(bytes).digest("hex"))
  },
)

it("has at most 4 MiB of a file in memory", async () => {
  const pieces: number[] = []
  const file = new Blob([new Uint8Array(10 * 2 ** 20)])
  const watched = {
    size: file.size,
    slice: (start: number, end: number) => {
      const piece = file.slice(start, end)
      pieces.push(piece.size)
      return piece
    },
  }
  expect(await hashFile(watched as unknown as Blob)).toBe(await hashFile(file))
  expect(pieces).toEqual([4 * 2 ** 20, 4 * 2 ** 20, 2 * 2 ** 20])
})
