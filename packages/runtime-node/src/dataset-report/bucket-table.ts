import type { Fit } from "../dataset/fit-pair.ts"

/** A picture with the size that it is trained at. */
export interface FittedPicture {
  readonly path: string
  /** How often it is shown in an epoch. */
  readonly repeats: number
  /** The most pairs in a batch of its data set. */
  readonly batchSize: number
  readonly fit: Fit
}

/** Pictures that are trained at one size, and may share a batch. */
export interface BucketRow {
  /** In pixels. */
  readonly width: number
  readonly height: number
  /** The most pairs in a batch. */
  readonly batchSize: number
  readonly pictures: number
  /** The pictures with their repeats. */
  readonly examples: number
  /** Pictures that are enlarged. */
  readonly upscaled: number
  /** The largest factor by which one is enlarged. 1: none is. */
  readonly mostUpscale: number
  /** The mean and the largest share of a picture that is cut off, 0 to 1. */
  readonly meanCrop: number
  readonly mostCrop: number
}

/** The sizes that pictures are trained at, from narrow to wide. */
export function bucketTable(pictures: readonly FittedPicture[]): readonly BucketRow[] {
  const buckets = new Map<string, FittedPicture[]>()
  for (const picture of pictures) {
    const key = [...picture.fit.cropped, picture.batchSize].join()
    const bucket = buckets.get(key)
    if (bucket === undefined) buckets.set(key, [picture])
    else bucket.push(picture)
  }
  const rows = [...buckets.values()].map((all): BucketRow => {
    const [{ fit, batchSize }] = all as [FittedPicture]
    const [width, height] = fit.cropped
    const crops = all.map(({ fit }) => cropShare(fit))
    const scales = all.map(({ fit }) => upscale(fit))
    return {
      ...{ width, height, batchSize, pictures: all.length },
      examples: all.reduce((sum, { repeats }) => sum + repeats, 0),
      upscaled: scales.filter((scale) => scale > 1).length,
      mostUpscale: scales.reduce((most, scale) => Math.max(most, scale), 1),
      meanCrop: crops.reduce((sum, crop) => sum + crop, 0) / all.length,
      mostCrop: crops.reduce((most, crop) => Math.max(most, crop), 0),
    }
  })
  return rows.toSorted((a, b) => a.width / a.height - b.width / b.height || a.width - b.width)
}

/** The factor by which a picture is enlarged. Below 1 it is made smaller. */
export function upscale({ resized, condition }: Fit): number {
  const [height, width] = condition.original
  return Math.min(resized[0] / width, resized[1] / height)
}

/** The share of a picture that is cut off, 0 to 1. */
export function cropShare({ resized, cropped }: Fit): number {
  return 1 - (cropped[0] * cropped[1]) / (resized[0] * resized[1])
}
