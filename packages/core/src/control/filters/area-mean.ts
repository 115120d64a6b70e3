import type { GreyImage, RgbImage } from "../../image.ts"

/** A share of an input position in an output position. */
interface Share {
  readonly from: number
  readonly weight: number
}

const { fround } = Math

/**
 * The mean of what each new pixel covers: OpenCV's `INTER_AREA` where no side grows.
 *
 * Source: OpenCV 5.0 imgproc/resize.cpp, `ResizeAreaFast` and `ResizeArea`.
 */
export function areaMean(image: RgbImage | GreyImage, channels: number, width: number, height: number): Uint8Array {
  const [scaleX, scaleY] = [1 / (width / image.width), 1 / (height / image.height)]
  const [wholeX, wholeY] = [Math.round(scaleX), Math.round(scaleY)]
  const isWhole = Math.abs(scaleX - wholeX) < Number.EPSILON && Math.abs(scaleY - wholeY) < Number.EPSILON
  return isWhole
    ? wholeBlocks(image, channels, { width, height, blockX: wholeX, blockY: wholeY })
    : shares(image, channels, width, height)
}

interface Blocks {
  readonly width: number
  readonly height: number
  readonly blockX: number
  readonly blockY: number
}

/** Every new pixel covers a whole number of pixels. */
function wholeBlocks(
  { width: from, data }: RgbImage | GreyImage,
  channels: number,
  { width, height, blockX, blockY }: Blocks,
): Uint8Array {
  const result = new Uint8ClampedArray(width * height * channels)
  const scale = fround(1 / (blockX * blockY))
  const isTwoByTwo = blockX === 2 && blockY === 2
  let at = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0
        for (let row = y * blockY; row < (y + 1) * blockY; row++) {
          const start = (row * from + x * blockX) * channels + channel
          for (let i = 0; i < blockX; i++) sum += data[start + i * channels] as number
        }
        // Blocks of four round a half up, others to the even number, as a clamped array does.
        result[at++] = isTwoByTwo ? (sum + 2) >> 2 : fround(sum * scale)
      }
    }
  }
  return new Uint8Array(result.buffer)
}

/** Sums in float32 in OpenCV's order: along a row first, then down. */
function shares(image: RgbImage | GreyImage, channels: number, width: number, height: number): Uint8Array {
  const { data } = image
  const across = sharesOf(image.width, width)
  const down = sharesOf(image.height, height)
  const line = width * channels
  const result = new Uint8ClampedArray(height * line)
  const row = new Float32Array(line)
  const sum = new Float32Array(line)
  for (const [y, rows] of down.entries()) {
    sum.fill(0)
    for (const { from, weight } of rows) {
      const start = from * image.width
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < channels; channel++) {
          let value = 0
          for (const share of across[x] as readonly Share[]) {
            value = fround(value + fround((data[(start + share.from) * channels + channel] as number) * share.weight))
          }
          row[x * channels + channel] = value
        }
      }
      for (let i = 0; i < line; i++) sum[i] = (sum[i] as number) + fround((row[i] as number) * weight)
    }
    result.set(sum, y * line)
  }
  return new Uint8Array(result.buffer)
}

/** Which positions each new one covers, and by how much. Shares under a thousandth do not count. */
function sharesOf(from: number, to: number): readonly (readonly Share[])[] {
  const scale = 1 / (to / from)
  return Array.from({ length: to }, (_, i) => {
    const start = i * scale
    const end = start + scale
    const cell = Math.min(scale, from - start)
    const last = Math.min(Math.floor(end), from - 1)
    const first = Math.min(Math.ceil(start), last)
    const list: Share[] = []
    if (first - start > 1e-3) list.push({ from: first - 1, weight: fround((first - start) / cell) })
    for (let each = first; each < last; each++) list.push({ from: each, weight: fround(1 / cell) })
    if (end - last > 1e-3) list.push({ from: last, weight: fround(Math.min(end - last, 1, cell) / cell) })
    return list
  })
}
