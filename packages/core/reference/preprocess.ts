import { canny } from "../src/control/canny.ts"
import { gaussianBlur } from "../src/control/filters/gaussian-blur.ts"
import { noiseDisk } from "../src/control/filters/noise-disk.ts"
import { ridgeLines, ridges, thinLines } from "../src/control/filters/thin-lines.ts"
import { binaryMask, onWhite, showInpaintMask } from "../src/control/filters/transparency.ts"
import { preprocess } from "../src/control/preprocessors/preprocess.ts"
import type { PreprocessorValues } from "../src/control/preprocessors/preprocessor.ts"
import { atResolution, padToBlocks, resizeToBlocks } from "../src/control/preprocessors/resolution.ts"
import type { PreprocessorName } from "../src/control/preprocessors/table.ts"
import { resizeImage } from "../src/image/resize.ts"
import type { GreyImage, RgbImage } from "../src/image.ts"
import { greyToRgb } from "../src/image.ts"
import { createNumpyRandom } from "../src/random/numpy.ts"
import { type CaseResult, compare, compareExactly, type ReferenceTensors } from "./case.ts"
import { paint, painterOf } from "./pictures.ts"

/** preprocess.json */
export interface PreprocessReference {
  readonly tag: string
  readonly pictures: {
    readonly size: readonly [height: number, width: number]
    /** A painter for each channel, by the picture's name. */
    readonly channels: Readonly<Record<string, readonly string[]>>
  }
  readonly cases: readonly PreprocessCase[]
}

interface PreprocessCase {
  readonly key: string
  readonly grey?: boolean
  readonly resolution?: number
  readonly parameter?: number
  readonly padded?: boolean
  readonly seed?: number
  readonly f?: number
}

/** The share of pixels that may differ where the reference blurs in float32. */
const FLOAT_BLUR_SHARE = 0.005
const NOISE_TOLERANCE = 1e-9

/** Compares preprocessors, byte for byte, on pictures that are made from their names. */
export async function runPreprocess(
  reference: PreprocessReference,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const each of reference.cases) {
    const bytes = await tensors.read(each.key)
    const name = `preprocess/${each.key}`
    const [kind = "", picture = ""] = each.key.split(".")
    const paintings = createPaintings(reference)
    if (kind === "noiseDisk") {
      const noise = noiseDisk(createNumpyRandom(each.seed ?? 0), 24, 32, 16)
      results.push(compare(name, noise, new Float64Array(Uint8Array.from(bytes).buffer), NOISE_TOLERANCE))
      continue
    }
    if (kind === "inpaint" && picture === "mask") {
      results.push(compareExactly(name, inpaintMask(paintings.grey("disc")), await tensors.readFloat32(each.key)))
      continue
    }
    const ours = bytesOf(kind, picture, each, paintings)
    if (ours === null) {
      results.push({ case: name, skipped: `no preprocessor "${kind}"` })
      continue
    }
    const result = compareExactly(name, ours, bytes)
    const blurs = kind === "scribble_xdog" || kind === "lineart_standard"
    results.push(blurs && "ok" in result ? withinShare(result) : result)
  }
  return results
}

function withinShare<Result extends { readonly maxRelError: number }>(result: Result): Result {
  return { ...result, tolerance: FLOAT_BLUR_SHARE, ok: result.maxRelError <= FLOAT_BLUR_SHARE }
}

/** The option that a case's parameter sets. */
const PARAMETERS: Readonly<Record<string, readonly [PreprocessorName, string | null, PreprocessorValues?]>> = {
  blur_gaussian: ["blur_gaussian", "sigma"],
  tile_resample: ["tile_resample", "rate"],
  recolor_luminance: ["recolor_luminance", "gamma", { bgr: true }],
  recolor_intensity: ["recolor_intensity", "gamma"],
  threshold: ["threshold", "threshold"],
  invert: ["invert", null],
  scribble_xdog: ["scribble_xdog", "threshold"],
  lineart_standard: ["lineart_standard", null],
  color: ["color_grid", null, { resolution: 64 }],
  canny: ["canny", null],
  binary: ["binary", "threshold"],
  shuffle: ["shuffle", null],
}

/** Kinds whose resolution has no option here: the picture keeps its size. */
const SIZED: readonly string[] = ["blur_gaussian", "threshold", "scribble_xdog", "lineart_standard", "canny"]

function bytesOf(kind: string, picture: string, each: PreprocessCase, paintings: Paintings): Uint8Array | null {
  if (kind === "resize") {
    const sized = atResolution(paintings.rgb(picture), each.resolution ?? null)
    return (each.padded === true ? padToBlocks(sized) : sized).data
  }
  if (kind === "aux") return everySecond(resizeToBlocks(paintings.rgb(each.key.split(".")[2] ?? ""), 64)).data
  if (kind === "nms") {
    const edges = canny(gaussianBlur(paintings.grey("disc"), 2), { low: 40, high: 90 })
    return ridgeLines(edges, 127, 3).data
  }
  if (kind === "thin") return thinLines(over127(paintings.grey("stripes"))).data
  if (kind === "nakeNms") return ridges(gaussianBlur(paintings.grey("disc"), 2)).data
  if (kind === "hwc3") return onWhite(paintings.rgba()).data
  if (kind === "inpaint") return showInpaintMask(paintings.rgba()).data
  const found = PARAMETERS[kind]
  if (found === undefined) return null
  const [name, parameter, fixed = {}] = found
  const options = {
    ...fixed,
    ...(parameter === null ? {} : { [parameter]: each.parameter ?? 0 }),
    ...(SIZED.includes(kind) ? { resolution: each.resolution ?? null } : {}),
    ...(each.seed === undefined ? {} : { seed: each.seed, grain: each.f ?? 256 }),
  }
  const image = paintings.rgb(picture)
  const result = preprocess(kind === "color" ? enlarged(image, 6) : image, { kind: name, options })
  if (each.grey === true) return result.data.filter((_, i) => i % 3 === 0)
  return (kind === "color" ? everySecond(result) : result).data
}

interface Paintings {
  rgb(name: string): RgbImage
  grey(painter: string): GreyImage
  /** The busy picture with the disc as alpha. */
  rgba(): { readonly width: number; readonly height: number; readonly data: Uint8Array }
}

function createPaintings({ tag, pictures }: PreprocessReference): Paintings {
  const [height, width] = pictures.size
  const painted = (names: readonly string[]) =>
    paint(
      names.flatMap((name) => painterOf(name, `${tag}/preprocess`) ?? []),
      width,
      height,
    )
  const channels = (name: string): readonly string[] => pictures.channels[name] ?? []
  return {
    rgb: (name) => painted(channels(name)),
    grey: (painter) => painted([painter]),
    rgba: () => painted([...channels("busy"), "disc"]),
  }
}

/** The disc, at sides that are multiples of 8. */
function inpaintMask(mask: GreyImage): Float32Array {
  const side = (pixels: number): number => pixels - (pixels % 8)
  const { data, ...size } = resizeImage(greyToRgb(mask), side(mask.width), side(mask.height), "lanczos")
  return binaryMask({ ...size, data: data.filter((_, i) => i % 3 === 0) })
}

function over127(image: GreyImage): GreyImage {
  return { ...image, data: image.data.map((value) => (value > 127 ? 255 : 0)) }
}

/** Every pixel as a block. */
function enlarged({ width, height, data }: RgbImage, factor: number): RgbImage {
  const size = { width: width * factor, height: height * factor }
  const result = new Uint8Array(size.width * size.height * 3)
  for (let i = 0; i < result.length; i++) {
    const pixel = Math.floor(i / 3)
    const [x, y] = [Math.floor((pixel % size.width) / factor), Math.floor(Math.floor(pixel / size.width) / factor)]
    result[i] = data[(y * width + x) * 3 + (i % 3)] as number
  }
  return { ...size, data: result }
}

/** Every second row and column. */
function everySecond({ width, height, data }: RgbImage): RgbImage {
  const size = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) }
  const result = new Uint8Array(size.width * size.height * 3)
  for (let i = 0; i < result.length; i++) {
    const pixel = Math.floor(i / 3)
    const [x, y] = [2 * (pixel % size.width), 2 * Math.floor(pixel / size.width)]
    result[i] = data[(y * width + x) * 3 + (i % 3)] as number
  }
  return { ...size, data: result }
}
