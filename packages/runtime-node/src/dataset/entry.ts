import { stat } from "node:fs/promises"
import { join, parse } from "node:path"
import type { Augmentation, ExampleView, Size, TrainExample } from "@lllite/core/training"
import { captionFileNames, plainCaption } from "@lllite/core/training"
import { examineImage, readImage } from "../images/read-image.ts"
import type { CachedPicture } from "../latent-cache/latent-store.ts"
import { textPath } from "../text-cache/text-file.ts"
import type { CachedCaption } from "../text-cache/text-store.ts"
import type { Face } from "./augmentation.ts"
import { augmentationOf, changeColours, faceOf } from "./augmentation.ts"
import type { Fit, Fitter } from "./fit-pair.ts"
import { fitPair, fitPicture } from "./fit-pair.ts"
import type { DatasetGroup } from "./group-config.ts"
import { type Pair, sourceOf } from "./pair-table.ts"
import type { SubsetConfig } from "./subset-config.ts"

/** A picture of a data set, without its repeats. */
export interface Entry {
  readonly pair: Pair
  /** The number of the picture in the data set. */
  readonly picture: number
  readonly subset: SubsetConfig
  /** The most pairs of its data set in a batch. */
  readonly batchSize: number
  readonly fitter: Fitter
  readonly fit: Fit
  readonly augmentation: Augmentation
}

/** An example as it is, without variation. */
export const PLAIN_VIEW: ExampleView = { isFlipped: false, draws: null }

/** Chooses the options of groups in captions as they stand, which no step reads. */
const CHOICE_SEED = 0

/** Plans how a picture is fitted and changed. */
export function entryOf(
  pair: Pair,
  picture: number,
  subset: SubsetConfig,
  fitter: Fitter,
  { buckets, batchSize }: DatasetGroup,
): Entry {
  const { augment } = subset
  const face = faceIn(pair, subset)
  const fit = fitter([pair.size.width, pair.size.height], { augment, face })
  const cropsFace = buckets === null && augment.faceCrop !== null && face !== null
  const hasSpare = fit.resized[0] > fit.cropped[0] || fit.resized[1] > fit.cropped[1]
  const doesCrop = cropsFace || (augment.randomCrop && hasSpare)
  return { pair, picture, subset, batchSize, fitter, fit, augmentation: augmentationOf(augment, doesCrop) }
}

/** Reads and fits an example. @throws InputError as `examineImage` */
export async function readExample(entry: Entry, view: ExampleView): Promise<TrainExample> {
  const { pair, subset } = entry
  const { image, alpha } = await examineImage(await sourceOf(pair, "image"))
  const control = await readImage(await sourceOf(pair, "control"))
  const fit = fitOf(entry, view)
  const mask = subset.alphaMask ? alpha : null
  const fitted = fitPair({ image, control, mask }, fit, subset.kernel, view.isFlipped)
  const doesColour = subset.augment.colour && view.draws !== null
  return {
    name: pair.image,
    image: doesColour ? changeColours(fitted.image, view.draws) : fitted.image,
    control: fitted.control,
    caption: captionOf(entry),
    size: fit.condition,
    ...(fitted.mask === null ? {} : { mask: fitted.mask }),
  }
}

/**
 * The pictures of a data set as their latents are kept, by their number.
 *
 * @param entries all of them. They are read if several folders have the same pictures
 */
export function cachedPictures(
  entries: Iterable<Entry>,
  entryAt: (picture: number) => Entry,
  folders: readonly SubsetConfig[],
): (picture: number) => CachedPicture {
  const dirs = folders.map(({ imageDir }) => imageDir)
  const isNamedAgain = (dir: string): boolean => dirs.indexOf(dir) !== dirs.lastIndexOf(dir)
  const sizes = new Map<string, Size>()
  const shared = new Set<string>()
  for (const { pair, fit, subset } of dirs.some(isNamedAgain) ? entries : []) {
    if (!isNamedAgain(subset.imageDir)) continue
    const [width, height] = fit.cropped
    const size = sizes.get(pair.image) ?? fit.cropped
    if (size[0] !== width || size[1] !== height) shared.add(pair.image)
    sizes.set(pair.image, fit.cropped)
  }
  return (picture) => {
    const entry = entryAt(picture)
    const { pair, subset, fit, augmentation } = entry
    return {
      image: pair.image,
      original: [pair.size.width, pair.size.height],
      bucket: fit.cropped,
      flips: augmentation.flips,
      isMasked: subset.alphaMask,
      sharesFile: shared.has(pair.image),
      fit: `${fit.resized.join("x")} at ${fit.corner.join()} by ${subset.kernel ?? "size"}`,
      mask: async () => (await readExample(entry, PLAIN_VIEW)).mask?.data ?? null,
      async rest(isFlipped) {
        const view = fitOf(entry, { isFlipped, draws: null })
        const control = fitPicture(await readImage(await sourceOf(pair, "control")), view, null, isFlipped)
        return { name: pair.image, control, caption: captionOf(entry), size: view.condition }
      },
    }
  }
}

/** The captions of a data set as their encodings are kept, by the number of the picture. */
export function cachedCaptions(
  entries: Iterable<Entry>,
  entryAt: (picture: number) => Entry,
): (picture: number) => CachedCaption {
  const first = new Map<string, string>()
  const shared = new Set<string>()
  for (const entry of entries) {
    const [path, caption] = [textPath(entry.pair.image), captionOf(entry)]
    const before = first.get(path)
    if (before === undefined) first.set(path, caption)
    else if (before !== caption) shared.add(path)
  }
  return (picture) => {
    const entry = entryAt(picture)
    const { pair, subset } = entry
    const caption = captionOf(entry)
    return {
      image: pair.image,
      caption,
      isAsWritten: caption === pair.text.caption,
      sharesPath: shared.has(textPath(pair.image)),
      changed: () => captionChanged(pair.image, subset),
    }
  }
}

/** When the file was changed that has a picture's caption, in milliseconds. Null: there is none. */
async function captionChanged(image: string, { metadata, captionExtension }: SubsetConfig): Promise<number | null> {
  const { dir, name } = parse(image)
  const names = captionFileNames(name, captionExtension).map((file) => join(dir, file))
  for (const path of metadata === null ? names : [metadata.path]) {
    const found = await stat(path).catch(() => null)
    if (found !== null) return found.mtimeMs
  }
  return null
}

function fitOf({ pair, subset, fitter }: Entry, { isFlipped, draws }: ExampleView): Fit {
  const { augment } = subset
  const size = [pair.size.width, pair.size.height] as const
  return fitter(size, { augment, face: faceIn(pair, subset), draws, isFlipped })
}

function faceIn({ image }: Pair, { augment }: SubsetConfig): Face | null {
  return augment.faceCrop === null ? null : faceOf(parse(image).name)
}

/** The caption of a picture, where it does not change. */
export function captionOf({ pair, picture }: Entry): string {
  return plainCaption(pair.text, CHOICE_SEED, picture)
}
