import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"

/** Width and height in pixels. */
export type Size = readonly [width: number, height: number]

export interface BucketOptions {
  /** The area of all buckets, as the size of a picture. */
  readonly resolution: Size
  /** Shortest side of a bucket. Default: 256. Not with noUpscale. */
  readonly minSize?: number
  /** Longest side of a bucket. Default: 1024. Not with noUpscale. */
  readonly maxSize?: number
  /** Sides of buckets are multiples of this. The U-Net with an LLLite needs a multiple of 32. Default: 64. */
  readonly step?: number
  /** Never enlarge: the bucket of a smaller picture has the picture's size. Default: false. */
  readonly noUpscale?: boolean
}

/** The bucket of a picture. The picture is resized to cover it, then cropped at the centre. */
export interface BucketChoice {
  readonly bucket: Size
  readonly resized: Size
}

export interface Buckets {
  /** The sizes, sorted. Empty with noUpscale, where sizes follow from the pictures. */
  readonly sizes: readonly Size[]
  choose(image: Size): BucketChoice
}

/**
 * Sizes of nearly one area and different aspect ratios. The pictures of a batch then have one shape, and little is
 * cropped.
 *
 * Source: sd-scripts `BucketManager`, and NovelAI's "Aspect Ratio Bucketing" before it.
 *
 * @throws CoreError when an option is out of range or the resolution is not between minSize and maxSize.
 */
export function createBuckets(options: BucketOptions): Buckets {
  checkArgument("buckets: the options", options, "an object")
  const { resolution, step = 64, noUpscale = false } = options
  requireSize("resolution", resolution)
  if (!Number.isSafeInteger(step) || step < 1)
    throw new CoreError("option-range", `buckets: step must be a positive integer, got ${step}`)
  if (noUpscale) {
    for (const name of ["minSize", "maxSize"] as const) {
      if (options[name] !== undefined) {
        throw new CoreError(
          "option-conflict",
          `buckets: ${name} has no effect with noUpscale, got ${options[name]}. Leave it out.`,
        )
      }
    }
    return { sizes: [], choose: (image) => chooseWithoutUpscale(image, resolution[0] * resolution[1], step) }
  }
  const sizes = bucketSizes(options, step)
  return { sizes, choose: (image) => chooseNearest(image, sizes) }
}

function bucketSizes(options: BucketOptions, step: number): readonly Size[] {
  const { resolution, minSize = 256, maxSize = 1024 } = options
  requireSize("minSize and maxSize", [minSize, maxSize])
  const shortest = Math.floor(minSize / step) * step
  const longest = Math.ceil(maxSize / step) * step
  if (shortest < 1 || Math.min(...resolution) < shortest || Math.max(...resolution) > longest) {
    throw new CoreError(
      "option-conflict",
      `buckets: a resolution of ${resolution.join(" x ")} is not between the sides ${shortest} and ${longest} ` +
        `(the shortest and the longest of a bucket, as multiples of ${step}). Change them or the resolution.`,
    )
  }
  const area = resolution[0] * resolution[1]
  const square = Math.floor(Math.sqrt(area) / step) * step
  const sizes = new Map<string, Size>()
  const add = (size: Size): void => void sizes.set(size.join(), size)
  add([square, square])
  for (let width = shortest; width <= longest; width += step) {
    const height = Math.min(longest, Math.floor(Math.floor(area / width) / step) * step)
    if (height < shortest) continue
    add([width, height])
    add([height, width])
  }
  return [...sizes.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1])
}

function chooseNearest(image: Size, sizes: readonly Size[]): BucketChoice {
  requireSize("image", image)
  const [width, height] = image
  const aspect = width / height
  const error = ([bucketWidth, bucketHeight]: Size): number => Math.abs(bucketWidth / bucketHeight - aspect)
  const same = sizes.find(([bucketWidth, bucketHeight]) => bucketWidth === width && bucketHeight === height)
  const bucket = same ?? sizes.reduce((best, size) => (error(size) < error(best) ? size : best))
  // The side with less surplus decides, so that the picture covers the bucket.
  const scale = aspect > bucket[0] / bucket[1] ? bucket[1] / height : bucket[0] / width
  return { bucket, resized: [Math.floor(width * scale + 0.5), Math.floor(height * scale + 0.5)] }
}

function chooseWithoutUpscale(image: Size, area: number, step: number): BucketChoice {
  requireSize("image", image)
  const resized = image[0] * image[1] > area ? shrink(image[0] / image[1], area, step) : image
  const floored = (side: number): number => Math.floor(side / step) * step
  const bucket: Size = [floored(resized[0]), floored(resized[1])]
  if (bucket[0] === 0 || bucket[1] === 0) {
    const what =
      resized === image
        ? `is smaller than the step of ${step}. Leave it out, or allow upscaling.`
        : `shrinks to ${area} pixels, and a side is then smaller than the step of ${step}. Leave it out, or raise the resolution.`
    throw new CoreError("picture-size", `buckets: an image of ${image.join(" x ")} ${what}`)
  }
  return { bucket, resized }
}

/** The size of about `area` with the nearest aspect, of the sizes that have one side as a multiple of `step`. */
function shrink(aspect: number, area: number, step: number): Size {
  const roundStep = (side: number): number => {
    const rounded = Math.floor(side + 0.5)
    return rounded - (rounded % step)
  }
  const width = Math.sqrt(area * aspect)
  const height = area / width
  const byWidth = roundStep(width)
  const byWidthHeight = roundStep(byWidth / aspect)
  const byHeight = roundStep(height)
  const byHeightWidth = roundStep(byHeight * aspect)
  const widthError = Math.abs(byWidth / byWidthHeight - aspect)
  const heightError = Math.abs(byHeightWidth / byHeight - aspect)
  return widthError < heightError
    ? [byWidth, Math.floor(byWidth / aspect + 0.5)]
    : [Math.floor(byHeight * aspect + 0.5), byHeight]
}

/**
 * SDXL's crop condition for a picture of size `image` in `bucket`. It is the margin that the picture would have if it
 * were fitted inside the bucket. This is Stability's rule, and not the corner of the real crop.
 *
 * @param flipped whether the picture is mirrored left to right. The margin then counts from the other side. Default:
 * false
 * @returns [top, left], for `SizeCondition.crop`.
 */
export function cropCondition(image: Size, bucket: Size, flipped = false): readonly [top: number, left: number] {
  checkArgument("buckets: whether it is flipped", flipped, "true or false")
  requireSize("image", image)
  requireSize("bucket", bucket)
  const aspect = image[0] / image[1]
  if (bucket[0] / bucket[1] > aspect) {
    const width = bucket[1] * aspect
    const left = Math.floor((bucket[0] - width) / 2)
    return [0, flipped ? Math.trunc(bucket[0] - (left + width)) : left]
  }
  const height = bucket[0] / aspect
  return [Math.floor((bucket[1] - height) / 2), 0]
}

function requireSize(name: string, size: Size): void {
  checkArgument(`buckets: ${name}`, size, "a list")
  if (size.length !== 2 || !size.every((side) => Number.isSafeInteger(side) && side >= 1)) {
    throw new CoreError("option-range", `buckets: ${name} must be positive integers, got ${size.join(" x ")}`)
  }
}
