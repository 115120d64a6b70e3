import type { Seed } from "@lllite/core/names"
import { createPythonRandom } from "@lllite/core/random"
import type { TrainDataset } from "@lllite/core/training"
import type { FolderDataset } from "@lllite/runtime-node"
import { InputError } from "@lllite/runtime-node"

/** A data set in two parts: the pairs that train, and those that a run does not see. */
export interface TrainingSet extends FolderDataset {
  /** Null: all pairs train. */
  readonly heldOut: TrainDataset | null
}

/** How pairs are held out. */
export interface HoldOut {
  /** The share of the pairs, below 1. */
  readonly share: number
  readonly seed: Seed
}

/**
 * Holds out a share of the pairs, chosen by the seed. All repeats of a pair are on one side.
 *
 * @throws InputError when the share is less than one pair
 */
export function holdOut(dataset: FolderDataset, { share, seed }: HoldOut): TrainingSet {
  const { count, original = (index: number) => index } = dataset
  const firsts = Array.from({ length: count }, (_, index) => index).filter((index) => original(index) === index)
  // Shares such as 0.29 are a little below their decimal value.
  const heldCount = Math.floor(firsts.length * share + 1e-9)
  if (heldCount === 0) {
    throw new InputError(
      "dataset-options",
      `validation_split is ${share}, which is less than one of ${firsts.length} pairs. Give at least ${1 / firsts.length}, or leave it out.`,
    )
  }
  const held = new Set(
    createPythonRandom(seed)
      .shuffled(firsts)
      .slice(firsts.length - heldCount),
  )
  const isHeld = (index: number): boolean => held.has(original(index))
  const indices = Array.from({ length: count }, (_, index) => index)
  const training = indices.filter((index) => !isHeld(index))
  const out = [...held].sort((a, b) => a - b)
  return {
    ...dataset,
    ...partOf(dataset, training),
    sizes: training.map((index) => dataset.sizes[index] ?? { width: 0, height: 0 }),
    pictures: dataset.pictures - held.size,
    // They are shown as they are: neither changed nor kept on the disk.
    heldOut: { count: out.length, example: (index) => dataset.example(out[index] ?? -1) },
  }
}

/** Some examples of a data set, under new indices. */
function partOf(dataset: TrainDataset, indices: readonly number[]): TrainDataset {
  const { original, augmentation, changingCaption, captionOf, latents, texts } = dataset
  const at = (index: number): number => indices[index] ?? -1
  const places = new Map(indices.map((index, place) => [index, place]))
  return {
    count: indices.length,
    example: (index, view) => dataset.example(at(index), view),
    ...(original === undefined ? {} : { original: (index) => places.get(original(at(index))) ?? index }),
    ...(augmentation === undefined ? {} : { augmentation: (index) => augmentation(at(index)) }),
    ...(changingCaption === undefined ? {} : { changingCaption: (index) => changingCaption(at(index)) }),
    ...(captionOf === undefined ? {} : { captionOf: (index) => captionOf(at(index)) }),
    ...(latents === undefined
      ? {}
      : {
          latents: {
            has: (index) => latents.has(at(index)),
            read: (index, isFlipped) => latents.read(at(index), isFlipped),
            write: (index, values) => latents.write(at(index), values),
            notices: () => latents.notices?.() ?? [],
          },
        }),
    ...(texts === undefined
      ? {}
      : {
          texts: {
            has: (index) => texts.has(at(index)),
            read: (index) => texts.read(at(index)),
            write: (index, text) => texts.write(at(index), text),
            notices: () => texts.notices?.() ?? [],
          },
        }),
  }
}
