import type { SizeCondition } from "@lllite/core/diffusion"
import type { ResizeKernel, RgbImage } from "@lllite/core/image"
import { cropCentre, resizeImage, trainingKernel } from "@lllite/core/image"
import type { Size } from "@lllite/core/training"
import { createBuckets, cropCondition } from "@lllite/core/training"
import type { DatasetGroup } from "./dataset-config.ts"

/** How a picture becomes one of a training size: resized, then cropped about the centre. */
export interface Fit {
  readonly resized: Size
  readonly cropped: Size
  /** The size embedding's values, which SDXL receives. */
  readonly condition: SizeCondition
}

/**
 * The rule of a data set for pictures of any size. Each is scaled to cover the nearest bucket and cropped to it. Without
 * buckets, the resolution is the only size.
 *
 * @throws CoreError when the options of the buckets contradict each other
 */
export function createFitter({
  resolution,
  buckets,
}: Pick<DatasetGroup, "resolution" | "buckets">): (size: Size) => Fit {
  const choose = buckets === null ? (size: Size) => cover(size, resolution) : bucketChooser(resolution, buckets)
  return (size) => {
    const { bucket, resized } = choose(size)
    const [width, height] = size
    return {
      resized,
      cropped: bucket,
      condition: { original: [height, width], crop: cropCondition(size, bucket), target: [bucket[1], bucket[0]] },
    }
  }
}

/**
 * A picture and its control, fitted. Both are resized and cropped in the same way, so a line of the control keeps its
 * place in the picture. sd-scripts stretched a control to the whole bucket until June 2026 (sd-scripts#2368, #2381). That
 * moved it against a cropped picture.
 *
 * @param kernel for the picture. Null: the rule of `trainingKernel`, which the control always follows
 */
export function fitPair(
  image: RgbImage,
  control: RgbImage,
  { resized, cropped }: Fit,
  kernel: ResizeKernel | null,
): { readonly image: RgbImage; readonly control: RgbImage } {
  const fit = (picture: RgbImage, chosen: ResizeKernel | null): RgbImage =>
    cropCentre(resizeImage(picture, ...resized, chosen ?? trainingKernel(picture, ...resized)), ...cropped)
  return { image: fit(image, kernel), control: fit(control, null) }
}

function bucketChooser(resolution: Size, { minSize, maxSize, step, noUpscale }: NonNullable<DatasetGroup["buckets"]>) {
  const buckets = createBuckets(noUpscale ? { resolution, step, noUpscale } : { resolution, step, minSize, maxSize })
  return (size: Size) => buckets.choose(size)
}

function cover([width, height]: Size, bucket: Size): { bucket: Size; resized: Size } {
  const scale = width / height > bucket[0] / bucket[1] ? bucket[1] / height : bucket[0] / width
  return { bucket, resized: [Math.floor(width * scale + 0.5), Math.floor(height * scale + 0.5)] }
}
