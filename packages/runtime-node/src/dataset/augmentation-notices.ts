import type { Augmentation } from "@lllite/core/training"
import type { PictureWithTraits } from "../images/picture-traits.ts"
import type { DatasetConfig } from "./dataset-config.ts"
import type { SubsetConfig } from "./subset-config.ts"

/** A picture of a data set, with what its folder asks for. */
export interface AugmentedPicture {
  readonly pair: { readonly image: string }
  readonly subset: SubsetConfig
  readonly augmentation: Augmentation
}

/** What a data set changes from step to step, folder by folder. Folders that ask for the same count once. */
export function describeAugmentations({ groups }: DatasetConfig): string {
  const folders = groups.flatMap(({ subsets }) =>
    subsets.map(({ augment: { flip, colour, randomCrop, faceCrop }, alphaMask }) => {
      const names = Object.entries({ flip, colour, "random crop": randomCrop, "alpha mask": alphaMask })
      const used = names.flatMap(([name, isUsed]) => (isUsed ? [name] : []))
      return [...used, ...(faceCrop === null ? [] : [`face crop ${faceCrop.join(" to ")}`])].join(", ") || "none"
    }),
  )
  return folders.filter((text, i) => text !== folders[i - 1]).join("; ")
}

/** What augmentation costs, and where it has no effect. One sentence each. */
export function augmentationNotices(
  { groups }: DatasetConfig,
  pictures: Iterable<AugmentedPicture>,
  checked: readonly PictureWithTraits[],
): readonly string[] {
  const withAlpha = alphaPaths(checked)
  let [count, varying, masked, maskedWithAlpha, faces] = [0, 0, 0, 0, 0]
  for (const { pair, subset, augmentation } of pictures) {
    count += 1
    if (augmentation.varies) varying += 1
    if (subset.alphaMask) masked += 1
    if (subset.alphaMask && withAlpha.has(pair.image)) maskedWithAlpha += 1
    if (cropsFacesAlone(subset) && augmentation.varies) faces += 1
  }
  const bucketed = groups.some(
    ({ buckets, subsets }) => buckets !== null && subsets.some(({ augment }) => augment.faceCrop !== null),
  )
  const ofFaces = groups.flatMap(({ buckets, subsets }) =>
    buckets === null ? subsets.filter(({ augment }) => augment.faceCrop !== null) : [],
  )
  return [
    ...(varying === 0
      ? []
      : [
          `${varying === count ? "All pictures change" : `${varying} of ${count} pictures ${varying === 1 ? "changes" : "change"}`} ` +
            "from step to step by their crop or their colours. They are read and encoded at every step, which takes longer. Their latents are not cached.",
        ]),
    ...(bucketed ? ["face_crop_aug_range has no effect on pictures in buckets."] : []),
    ...(ofFaces.length > 0 && ofFaces.every(cropsFacesAlone) && faces === 0
      ? ["face_crop_aug_range has no effect: no picture's name ends with a face, as in name_X_Y_WIDTH_HEIGHT.png."]
      : []),
    ...(masked > 0 && maskedWithAlpha === 0 ? ["alpha_mask has no effect: no picture has transparent pixels."] : []),
  ]
}

/** Whether the pictures of a folder change only by faces. So one that changes has a face. */
function cropsFacesAlone({ augment }: SubsetConfig): boolean {
  return augment.faceCrop !== null && !augment.colour && !augment.randomCrop
}

/** The pictures, without the traits of those whose alpha is used. */
export function withoutUsedAlpha(
  pictures: Iterable<AugmentedPicture>,
  checked: readonly PictureWithTraits[],
): readonly PictureWithTraits[] {
  const withAlpha = alphaPaths(checked)
  const used = new Set<string>()
  for (const { subset, pair } of withAlpha.size === 0 ? [] : pictures) {
    if (subset.alphaMask && withAlpha.has(pair.image)) used.add(pair.image)
  }
  return checked.map(({ path, traits }) => ({
    path,
    traits: used.has(path) ? traits.filter((trait) => trait !== "transparent") : traits,
  }))
}

function alphaPaths(checked: readonly PictureWithTraits[]): ReadonlySet<string> {
  const seen = checked.filter(({ traits }) => traits.includes("transparent") || traits.includes("hidden"))
  return new Set(seen.map(({ path }) => path))
}
