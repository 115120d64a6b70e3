import type { RgbImage } from "@lllite/core/image"
import { resizeImage, rgbToGrey, trainingKernel } from "@lllite/core/image"

/** What pictures are compared by: a hash that finds candidates, and a tiny picture that confirms them. */
export interface Likeness {
  /** The 64 bits of the difference hash, as two unsigned numbers of 32 bits. */
  readonly hash: readonly [number, number]
  /** A picture of 8 x 8 pixels, three bytes each. */
  readonly tiny: Uint8Array
}

/** Pictures are reduced to this first. Both smaller sizes divide it. */
const REDUCED = { width: 72, height: 64 } as const
const SIDE = 8

/**
 * The likeness of a picture. Each bit of the hash says whether one of 8 x 8 places is brighter than its right
 * neighbour. Resized and newly compressed copies differ in few bits.
 *
 * Source: N. Krawetz, "Kind of Like That" (2013), the hash dHash.
 */
export function likenessOf(image: RgbImage): Likeness {
  const { width, height } = REDUCED
  const reduced = resizeImage(image, width, height, trainingKernel(image, width, height))
  const grey = rgbToGrey(resizeImage(reduced, SIDE + 1, SIDE, "area")).data
  const bits: [number, number] = [0, 0]
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const at = row * (SIDE + 1) + column
      if ((grey[at] as number) <= (grey[at + 1] as number)) continue
      const half = row < SIDE / 2 ? 0 : 1
      bits[half] |= 1 << ((row % (SIDE / 2)) * SIDE + column)
    }
  }
  return { hash: [bits[0] >>> 0, bits[1] >>> 0], tiny: resizeImage(reduced, SIDE, SIDE, "area").data }
}

/** Bits of the hash in which two pictures that look alike may differ. Less than the number of bands. */
const MOST_BITS = 3
/** The largest mean difference of two tiny pictures that look alike, of 255. */
const MOST_MEAN = 3
/** The largest difference of one byte of them. One of 64 places that differs is another picture. */
const MOST_BYTE = 16

/** Whether two pictures look alike. */
export function lookAlike(a: Likeness, b: Likeness): boolean {
  if (bitCount(a.hash[0] ^ b.hash[0]) + bitCount(a.hash[1] ^ b.hash[1]) > MOST_BITS) return false
  let sum = 0
  for (let i = 0; i < a.tiny.length; i++) {
    const difference = Math.abs((a.tiny[i] as number) - (b.tiny[i] as number))
    if (difference > MOST_BYTE) return false
    sum += difference
  }
  return sum <= MOST_MEAN * a.tiny.length
}

/**
 * Groups of pictures that look alike, by their indexes in rising order. Each picture is in one group at most. Two hashes
 * that differ in at most three bits have one of four bands of 16 bits in common, so only such pictures are compared. On
 * plain grounds most hashes have. So the pictures of a band lie in bins by their brightness, too.
 *
 * @param pause is awaited now and then, so that the work can be stopped
 * @throws what `pause` throws
 */
export async function alikeGroups(
  pictures: readonly Likeness[],
  pause: () => Promise<void>,
): Promise<readonly (readonly number[])[]> {
  const bands = Array.from({ length: MOST_BITS + 1 }, () => new Map<number, number[]>())
  const groups: number[][] = []
  for (const [index, picture] of pictures.entries()) {
    if (index % PAUSE_EVERY === 0) await pause()
    const [low, high] = picture.hash
    const bin = brightnessBin(picture)
    const parts = [low & 0xffff, low >>> 16, high & 0xffff, high >>> 16].map((part) => part * BINS + bin)
    // A group is compared by its first picture. So a chain of small changes does not join different pictures.
    let group: number | undefined
    for (const [band, part] of parts.entries()) {
      for (const place of [part - 1, part, part + 1]) {
        for (const each of bands[band]?.get(place) ?? []) {
          if (group !== undefined && each >= group) break
          if (lookAlike(pictures[groups[each]?.[0] as number] as Likeness, picture)) group = each
        }
      }
    }
    if (group !== undefined) {
      groups[group]?.push(index)
      continue
    }
    groups.push([index])
    for (const [band, part] of parts.entries()) {
      const list = bands[band]?.get(part)
      if (list === undefined) bands[band]?.set(part, [groups.length - 1])
      else list.push(groups.length - 1)
    }
  }
  return groups.filter(({ length }) => length > 1)
}

/** Bins of brightness, with one that stays empty at each end. */
const BINS = Math.floor(255 / MOST_MEAN) + 3

/** The bin of a picture's brightness. Pictures that look alike are in the same bin, or in neighbours. */
function brightnessBin({ tiny }: Likeness): number {
  let sum = 0
  for (const value of tiny) sum += value
  return Math.floor(sum / (MOST_MEAN * tiny.length)) + 1
}

/** Pictures that are compared before a pause. */
const PAUSE_EVERY = 64

/** The bits that are set, counted in pairs, fours and bytes side by side: pictures on plain grounds have many candidates. */
function bitCount(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
