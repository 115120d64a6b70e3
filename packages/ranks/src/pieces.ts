import { type FinalRanges, ROUNDED_BLOCK, roundGradients, unroundGradients } from "@lllite/core/training"
import type { Piece } from "./messages.ts"

/** The least values that are sent before a gradient is whole. */
const LEAST = 2 ** 18

/** What rounding has left out, and the list for what it leaves out now. */
interface Rounding {
  readonly before: Float32Array | null
  readonly after: Float32Array
}

/** Sends a gradient in pieces, while it is still computed. Pieces are whole blocks of `ROUNDED_BLOCK`. */
export interface PieceSender {
  /** Sends what has become final. */
  note(gradients: Float32Array, ranges: FinalRanges): void
  /** Sends all that was not sent before. Resolves when it was handed to the system. @throws Error for another size */
  finish(gradients: Float32Array): Promise<void>
}

/**
 * @param size values of the gradient
 * @param rounding to float16. Null: the pieces are float32
 */
export function createPieceSender(
  size: number,
  rounding: Rounding | null,
  send: (pieces: readonly Piece[]) => Promise<void>,
): PieceSender {
  const blocks = Math.ceil(size / ROUNDED_BLOCK)
  /** Values of each block that are final, and whether it was sent. */
  const final = new Uint16Array(blocks)
  const isSent = new Uint8Array(blocks)
  let ready: number[] = []
  const endOf = (block: number): number => Math.min(size, (block + 1) * ROUNDED_BLOCK)
  const pieceOf = (gradients: Float32Array, [first, last]: readonly [number, number]): Piece => {
    const [from, to] = [first * ROUNDED_BLOCK, endOf(last)]
    const values = gradients.subarray(from, to)
    if (rounding === null) return { from, values }
    const before = rounding.before?.subarray(from, to) ?? null
    const { exponents, halves } = roundGradients(values, before, rounding.after.subarray(from, to))
    return { from, exponents, halves: new Uint8Array(halves.buffer) }
  }
  const flush = (gradients: Float32Array): Promise<void> => {
    const runs: [first: number, last: number][] = []
    for (const block of ready.sort((a, b) => a - b)) {
      isSent[block] = 1
      const last = runs.at(-1)
      if (last?.[1] === block - 1) last[1] = block
      else runs.push([block, block])
    }
    ready = []
    return runs.length === 0 ? Promise.resolve() : send(runs.map((run) => pieceOf(gradients, run)))
  }
  return {
    note(gradients, ranges) {
      for (const [from, to] of ranges) {
        for (let block = Math.floor(from / ROUNDED_BLOCK); block * ROUNDED_BLOCK < to; block++) {
          const start = block * ROUNDED_BLOCK
          const end = endOf(block)
          const count = (final[block] as number) + Math.min(to, end) - Math.max(from, start)
          final[block] = count
          if (count === end - start) ready.push(block)
        }
      }
      if (ready.length * ROUNDED_BLOCK >= LEAST) void flush(gradients).catch(() => {})
    },
    async finish(gradients) {
      if (gradients.length !== size) throw new Error(`it computed ${gradients.length} gradients, expected ${size}`)
      ready = Array.from({ length: blocks }, (_, block) => block).filter((block) => isSent[block] === 0)
      return flush(gradients)
    },
  }
}

/** Puts the pieces of a gradient together. */
export interface Assembly {
  /** @returns what is wrong with the pieces, as a sentence without its end. Null: nothing */
  take(pieces: readonly Piece[]): string | null
  /** The whole gradient, or what is wrong with it. */
  whole(): Float32Array | string
}

/** @param size the values of the gradient */
export function createAssembly(size: number): Assembly {
  const blocks = Math.ceil(size / ROUNDED_BLOCK)
  const isThere = new Uint8Array(blocks)
  let there = 0
  let gradients: Float32Array | null = null
  const memory = (): Float32Array => {
    gradients ??= new Float32Array(new SharedArrayBuffer(4 * size))
    return gradients
  }
  return {
    take(pieces) {
      for (const piece of pieces) {
        const length = "values" in piece ? piece.values.length : piece.halves.length / 2
        const to = piece.from + length
        const isWhole = piece.from % ROUNDED_BLOCK === 0 && (to === size || to % ROUNDED_BLOCK === 0)
        if (length === 0 || to > size || !isWhole)
          return `it sent gradients from ${piece.from} to ${to}, expected ${size}`
        const [first, last] = [piece.from / ROUNDED_BLOCK, Math.ceil(to / ROUNDED_BLOCK)]
        if (isThere.subarray(first, last).includes(1)) return "it sent gradients twice"
        const into = memory().subarray(piece.from, to)
        if ("values" in piece) into.set(piece.values)
        else {
          const { exponents, halves } = piece
          if (exponents.length !== last - first)
            return `it sent ${exponents.length} exponents, expected ${last - first}`
          unroundGradients({ exponents, halves: new Uint16Array(halves.buffer, halves.byteOffset, length) }, into)
        }
        isThere.fill(1, first, last)
        there += last - first
      }
      return null
    },
    whole: () => (there === blocks ? memory() : `it sent ${there} of ${blocks} blocks of gradients`),
  }
}
