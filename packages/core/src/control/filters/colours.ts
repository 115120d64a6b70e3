import type { GreyImage, RgbImage } from "../../image.ts"

/** The order in which a pixel's three bytes are read. */
export type ChannelOrder = "rgb" | "bgr"

const { fround } = Math

/** Share of red, green and blue in the luminance of sRGB, under D65. */
const LUMINANCE = [0.212671, 0.71516, 0.072169] as const

const SHARE_BITS = 12
/** Linear light has three bits below a whole number. */
const GAMMA_BITS = 3
const CUBE_ROOT_BITS = 15
const LIGHT_SCALE = Math.trunc((116 * 255 + 50) / 100)
const LIGHT_SHIFT = -Math.trunc((16 * 255 * 2 ** CUBE_ROOT_BITS + 50) / 100)

/**
 * L* of CIELAB in bytes, to the pixel as the first channel of `cv2.cvtColor(image, COLOR_RGB2LAB)`.
 *
 * Source: OpenCV 5.0 imgproc/color_lab.cpp, `RGB2Lab_b`.
 *
 * @param order `bgr` as `COLOR_BGR2LAB`
 */
export function lightness({ width, height, data }: RgbImage, order: ChannelOrder = "rgb"): GreyImage {
  const light = linearLight()
  const roots = cubeRoots()
  const shares = LUMINANCE.map((share) => Math.round(share * 2 ** SHARE_BITS))
  const [red = 0, green = 0, blue = 0] = order === "rgb" ? shares : [...shares].reverse()
  const result = new Uint8ClampedArray(width * height)
  for (let i = 0, at = 0; i < result.length; i++, at += 3) {
    const sum =
      (light[data[at] as number] as number) * red +
      (light[data[at + 1] as number] as number) * green +
      (light[data[at + 2] as number] as number) * blue
    const root = roots[(sum + 2 ** (SHARE_BITS - 1)) >> SHARE_BITS] as number
    result[i] = Math.floor((LIGHT_SCALE * root + LIGHT_SHIFT + 2 ** (CUBE_ROOT_BITS - 1)) / 2 ** CUBE_ROOT_BITS)
  }
  return { width, height, data: new Uint8Array(result.buffer) }
}

/** The largest channel of every pixel: V of HSV. */
export function brightest({ width, height, data }: RgbImage): GreyImage {
  return eachPixel({ width, height }, (at) =>
    Math.max(data[at] as number, data[at + 1] as number, data[at + 2] as number),
  )
}

/** The smallest channel of every pixel. */
export function darkest({ width, height, data }: RgbImage): GreyImage {
  return eachPixel({ width, height }, (at) =>
    Math.min(data[at] as number, data[at + 1] as number, data[at + 2] as number),
  )
}

function eachPixel({ width, height }: Pick<RgbImage, "width" | "height">, value: (at: number) => number): GreyImage {
  const data = new Uint8Array(width * height)
  for (let i = 0; i < data.length; i++) data[i] = value(3 * i)
  return { width, height, data }
}

/** The values of a table for every byte. */
export function mapBytes<Image extends RgbImage | GreyImage>(image: Image, value: (byte: number) => number): Image {
  const table = Uint8Array.from({ length: 256 }, (_, byte) => value(byte))
  return { ...image, data: image.data.map((byte) => table[byte] as number) }
}

/** A byte to a power, over 255, cut to a byte, in float32 as NumPy does it. */
export function gammaByte(byte: number, gamma: number): number {
  const share = fround(byte / 255)
  const power = gamma === 1 ? share : fround(share ** fround(gamma))
  return Math.min(255, Math.trunc(fround(power * 255)))
}

/** sRGB's bytes as linear light, 0 to 255 * 2^GAMMA_BITS. */
function linearLight(): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    const value = byte / 255
    const linear = value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    return Math.round(255 * 2 ** GAMMA_BITS * linear)
  })
}

/** CIELAB's f of linear light, times 2^CUBE_ROOT_BITS. */
function cubeRoots(): Uint16Array {
  return Uint16Array.from({ length: 255 * 2 ** GAMMA_BITS + 1 }, (_, light) => {
    const value = light / (255 * 2 ** GAMMA_BITS)
    const root = value < 0.008856 ? value * 7.787 + 16 / 116 : Math.cbrt(value)
    return Math.round(2 ** CUBE_ROOT_BITS * root)
  })
}
