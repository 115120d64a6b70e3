import { CoreError } from "../errors.ts"
import { expectGrey, expectRgb, type GreyImage, type RgbImage } from "../image.ts"

/** Radii of the blurred pictures, from the lowest layer to the highest, and how often each is laid over the others. */
const LAYERS = [
  [256, 1],
  [64, 1],
  [16, 2],
  [4, 4],
  [2, 2],
  [0, 1],
] as const

/** Red, green, blue and alpha. */
const CHANNELS = 4

/**
 * A picture whose masked part has the colours around it: blurred copies of the rest are laid over each other, from wide to
 * narrow. Where the mask is black, the picture stays. Where all is masked, it is black.
 *
 * Source: stable-diffusion-webui 1.10, `modules/masking.py` (`fill`), with Pillow's arithmetic of eight bits.
 *
 * @param mask of the same size: 255 is filled, 0 stays
 * @throws CoreError for a mask of another size
 */
export function fillMasked(image: RgbImage, mask: GreyImage): RgbImage {
  expectRgb(image)
  expectGrey(mask)
  const { width, height } = image
  if (mask.width !== width || mask.height !== height) {
    throw new CoreError(
      "picture-size",
      `image: the mask is ${mask.width}×${mask.height} px, expected ${width}×${height} as the picture`,
    )
  }
  const known = knownPart(image, mask)
  const filled = new Uint8Array(known.length)
  for (const [radius, repeats] of LAYERS) {
    const layer = straight(radius === 0 ? known : blurred(known, image, radius))
    for (let i = 0; i < repeats; i++) layOver(filled, layer)
  }
  return { width, height, data: image.data.map((_, i) => filled[CHANNELS * Math.floor(i / 3) + (i % 3)] ?? 0) }
}

/** What is not masked, with colours multiplied by alpha. */
function knownPart({ data }: RgbImage, mask: GreyImage): Uint8Array {
  const pixels = new Uint8Array(CHANNELS * mask.data.length)
  for (const [i, masked] of mask.data.entries()) {
    const alpha = 255 - masked
    for (let channel = 0; channel < 3; channel++) {
      pixels[CHANNELS * i + channel] = over255((data[3 * i + channel] ?? 0) * alpha)
    }
    pixels[CHANNELS * i + 3] = alpha
  }
  return pixels
}

/** A product of two bytes as a byte. */
function over255(product: number): number {
  const rounded = product + 128
  return (rounded + (rounded >> 8)) >> 8
}

/** Colours that are not multiplied by alpha. */
function straight(pixels: Uint8Array): Uint8Array {
  return pixels.map((value, i) => {
    const alpha = pixels[i - (i % CHANNELS) + 3] ?? 0
    return i % CHANNELS === 3 || alpha === 0 || alpha === 255 ? value : Math.min(255, Math.trunc((255 * value) / alpha))
  })
}

/** Lays a picture over another one, which changes. Source: Pillow `AlphaComposite.c`. */
function layOver(under: Uint8Array, over: Uint8Array): void {
  for (let i = 0; i < under.length; i += CHANNELS) {
    const alpha = over[i + 3] ?? 0
    if (alpha === 0) continue
    const shown = alpha * 255
    const all = shown + (under[i + 3] ?? 0) * (255 - alpha)
    const share = Math.trunc((shown * 255 * 128) / all)
    for (let channel = 0; channel < 3; channel++) {
      const sum = (over[i + channel] ?? 0) * share + (under[i + channel] ?? 0) * (255 * 128 - share)
      under[i + channel] = halved(sum + (128 << 7)) >> 7
    }
    under[i + 3] = halved(all + 128)
  }
}

function halved(value: number): number {
  return ((value >> 8) + value) >> 8
}

/** A Gaussian blur of three boxes, as Pillow has it. Pixels beyond an edge are those of the edge. */
function blurred(pixels: Uint8Array, { width, height }: RgbImage, radius: number): Uint8Array {
  const box = boxRadius(radius, 3)
  let result = pixels
  for (let pass = 0; pass < 3; pass++) result = boxBlurred(result, { length: width, step: CHANNELS }, height, box)
  const step = CHANNELS * width
  for (let pass = 0; pass < 3; pass++) result = boxBlurred(result, { length: height, step }, width, box)
  return result
}

/** The radius of the boxes whose blurs are together a Gaussian one. Source: Gwosdek et al. 2011, Pillow `BoxBlur.c`. */
function boxRadius(radius: number, passes: number): number {
  const variance = (radius * radius) / passes
  const whole = Math.floor((Math.sqrt(12 * variance + 1) - 1) / 2)
  const part = ((2 * whole + 1) * (whole * (whole + 1) - 3 * variance)) / (6 * (variance - (whole + 1) * (whole + 1)))
  return whole + part
}

/** Blurs each line of pixels by a box, whose ends count in part. */
function boxBlurred(
  pixels: Uint8Array,
  { length, step }: { readonly length: number; readonly step: number },
  lines: number,
  radius: number,
): Uint8Array {
  const whole = Math.floor(radius)
  // Weights in 24 bits, as Pillow has them.
  const weight = Math.trunc(2 ** 24 / (radius * 2 + 1))
  const end = Math.trunc((2 ** 24 - (whole * 2 + 1) * weight) / 2)
  const result = new Uint8Array(pixels.length)
  const across = step === CHANNELS ? length * CHANNELS : CHANNELS
  for (let line = 0; line < lines; line++) {
    for (let channel = 0; channel < CHANNELS; channel++) {
      const first = line * across + channel
      const at = (i: number): number => pixels[first + Math.min(length - 1, Math.max(0, i)) * step] ?? 0
      let sum = 0
      for (let i = -whole; i <= whole; i++) sum += at(i)
      for (let i = 0; i < length; i++) {
        const ends = at(i - whole - 1) + at(i + whole + 1)
        result[first + i * step] = Math.floor((sum * weight + ends * end + 2 ** 23) / 2 ** 24)
        sum += at(i + whole + 1) - at(i - whole)
      }
    }
  }
  return result
}
