import type { SizeCondition } from "@lllite/core/diffusion"
import type { GreyImage, ResizeKernel, RgbImage } from "@lllite/core/image"
import { cropImage, mirrorImage, resizeImage, trainingKernel } from "@lllite/core/image"
import type { ExampleDraws, Size } from "@lllite/core/training"
import { createBuckets, cropCondition } from "@lllite/core/training"
import type { AugmentConfig, Face } from "./augmentation.ts"
import { NO_AUGMENTATION } from "./augmentation.ts"
import { faceCrop } from "./face-crop.ts"
import type { DatasetGroup } from "./group-config.ts"

/** How a picture becomes one of a training size: resized, then cropped. */
export interface Fit {
  readonly resized: Size
  readonly cropped: Size
  /** The left upper corner of the crop in the resized picture. */
  readonly corner: readonly [left: number, top: number]
  /** The size embedding's values, which SDXL receives. */
  readonly condition: SizeCondition
}

/** What the fit of a picture depends on, beside its size. */
export interface FitOptions {
  readonly augment?: AugmentConfig
  /** A face that the crop is to show. Default: none is known */
  readonly face?: Face | null
  /** Choose the crop. Null: the crop is at the centre. Default: null */
  readonly draws?: ExampleDraws | null
  /** Whether the picture is mirrored after the crop. Default: false */
  readonly isFlipped?: boolean
}

/** The fit of a picture by its size. */
export type Fitter = (size: Size, options?: FitOptions) => Fit

/**
 * The rule of a data set for pictures of any size. Each is scaled to cover the nearest bucket and cropped to it. Without
 * buckets, the resolution is the only size.
 *
 * A random crop shifts this crop. Without buckets, it is cut from the picture as it is, where the picture is large
 * enough. A crop around a face is only made without buckets. Source: sd-scripts `BaseDataset.__getitem__`.
 *
 * @throws CoreError when the options of the buckets contradict each other
 */
export function createFitter({ resolution, buckets }: Pick<DatasetGroup, "resolution" | "buckets">): Fitter {
  const choose = buckets === null ? (size: Size) => cover(size, resolution) : bucketChooser(resolution, buckets)
  /** Fits that many pictures have: those without a draw and without a face, by their size. */
  const known = new Map<string, Fit>()
  const fit: Fitter = (size, { augment = NO_AUGMENTATION, face = null, draws = null, isFlipped = false } = {}) => {
    if (buckets === null && augment.faceCrop !== null && face !== null) {
      const range = augment.faceCrop
      return whole(resolution, faceCrop(size, face, { resolution, range, isRandom: augment.randomCrop, draws }))
    }
    if (buckets === null && augment.randomCrop && isLarger(size, resolution)) {
      return whole(resolution, { resized: size, corner: cornerOf(size, resolution, draws) })
    }
    const { bucket, resized } = choose(size)
    const [width, height] = size
    return {
      resized,
      cropped: bucket,
      corner: cornerOf(resized, bucket, augment.randomCrop ? draws : null),
      condition: {
        original: [height, width],
        crop: cropCondition(size, bucket, isFlipped),
        target: [bucket[1], bucket[0]],
      },
    }
  }
  return (size, options = {}) => {
    const { augment, face = null, draws = null, isFlipped } = options
    if (face !== null || draws !== null) return fit(size, options)
    const key = `${size.join("x")} ${augment?.randomCrop} ${isFlipped}`
    const found = known.get(key) ?? fit(size, options)
    known.set(key, found)
    return found
  }
}

/** A crop that counts as the whole picture. Source: sd-scripts, for pictures without buckets. */
function whole(cropped: Size, { resized, corner }: Pick<Fit, "resized" | "corner">): Fit {
  const [width, height] = cropped
  const condition = { original: [height, width], crop: [0, 0], target: [height, width] } as const
  return { resized, cropped, corner, condition }
}

function isLarger([width, height]: Size, [least, low]: Size): boolean {
  return width >= least && height >= low
}

/** The corner of a crop, evenly among all, or of the crop at the centre. */
function cornerOf(from: Size, to: Size, draws: ExampleDraws | null): readonly [number, number] {
  const spare = [from[0] - to[0], from[1] - to[1]] as const
  if (draws === null) return [Math.floor(spare[0] / 2), Math.floor(spare[1] / 2)]
  const [x, y] = draws.uniform("crop", 2) as unknown as readonly [number, number]
  return [Math.floor(x * (spare[0] + 1)), Math.floor(y * (spare[1] + 1))]
}

/** Pictures of one place: a picture, its control and the mask of its loss. */
export interface PairImages {
  readonly image: RgbImage
  readonly control: RgbImage
  readonly mask: GreyImage | null
}

/**
 * A picture, its control and its mask, fitted. All are resized, cropped and mirrored in the same way, so a line of the
 * control keeps its place in the picture. sd-scripts stretched a control to the whole bucket until June 2026
 * (sd-scripts#2368, #2381). That moved it against a cropped picture.
 *
 * @param kernel for the picture and its mask. Null: the rule of `trainingKernel`, which the control always follows
 */
export function fitPair<Images extends Omit<PairImages, "mask"> & { readonly mask?: GreyImage | null }>(
  { image, control, mask = null }: Images,
  fit: Fit,
  kernel: ResizeKernel | null,
  isFlipped = false,
): PairImages {
  return {
    image: fitPicture(image, fit, kernel, isFlipped),
    control: fitPicture(control, fit, null, isFlipped),
    mask: mask === null ? null : fitPicture(mask, fit, kernel, isFlipped),
  }
}

/** One picture of a pair, fitted as all of them are. @param kernel null: the rule of `trainingKernel` */
export function fitPicture<Picture extends RgbImage | GreyImage>(
  picture: Picture,
  { resized, cropped, corner: [left, top] }: Fit,
  kernel: ResizeKernel | null,
  isFlipped = false,
): Picture {
  const scaled = resizeImage(picture, ...resized, kernel ?? trainingKernel(picture, ...resized))
  const fitted = cropImage(scaled, { left, top, width: cropped[0], height: cropped[1] })
  return isFlipped ? mirrorImage(fitted) : fitted
}

function bucketChooser(resolution: Size, { minSize, maxSize, step, noUpscale }: NonNullable<DatasetGroup["buckets"]>) {
  const buckets = createBuckets(noUpscale ? { resolution, step, noUpscale } : { resolution, step, minSize, maxSize })
  return (size: Size) => buckets.choose(size)
}

function cover([width, height]: Size, bucket: Size): { bucket: Size; resized: Size } {
  const scale = width / height > bucket[0] / bucket[1] ? bucket[1] / height : bucket[0] / width
  return { bucket, resized: [Math.floor(width * scale + 0.5), Math.floor(height * scale + 0.5)] }
}
