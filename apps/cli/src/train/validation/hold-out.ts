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

/** Pairs of which a share is held out. */
interface Pool {
  readonly share: number
  readonly seed: Seed
  /** Their first examples. */
  readonly firsts: readonly number[]
}

/**
 * Holds out a share of the pairs, chosen by a seed, as each data set says. Data sets with the same share and seed are
 * taken together. All repeats of a pair are on one side.
 *
 * @param seed of data sets that name none
 * @throws InputError when a share is less than one pair
 */
export function holdOut(dataset: FolderDataset, seed: Seed): TrainingSet {
  const { count, original = (index: number) => index } = dataset
  const held = new Set(poolsOf(dataset, seed).flatMap(heldOf))
  if (held.size === 0) return { ...dataset, heldOut: null }
  const isHeld = (index: number): boolean => held.has(original(index))
  const indices = Array.from({ length: count }, (_, index) => index)
  const training = indices.filter((index) => !isHeld(index))
  const out = [...held].sort((a, b) => a - b)
  let from = 0
  const groups = dataset.groups.map(({ holdOut, examples }) => {
    const [first, end] = [from, from + examples]
    from = end
    return { holdOut, examples: training.filter((index) => index >= first && index < end).length }
  })
  return {
    ...dataset,
    ...partOf(dataset, training),
    groups,
    sizes: training.map((index) => dataset.sizes[index] ?? { width: 0, height: 0 }),
    pictures: dataset.pictures - held.size,
    // They are shown as they are: neither changed nor kept on the disk.
    heldOut: { count: out.length, example: (index) => dataset.example(out[index] ?? -1) },
  }
}

/** How the pairs of each data set are held out, in words: for the facts of a run. */
export function heldOutBy({ groups }: Pick<FolderDataset, "groups">, seed: Seed): string {
  const texts = groups.map(({ holdOut }) => (holdOut === null ? "none" : `${holdOut.share} by ${holdOut.seed ?? seed}`))
  return [...new Set(texts)].length === 1 ? (texts[0] ?? "none") : texts.join(", ")
}

function poolsOf({ count, groups, original = (index) => index }: FolderDataset, seed: Seed): readonly Pool[] {
  const pools = new Map<string, Pool & { readonly firsts: number[] }>()
  let from = 0
  for (const { holdOut, examples } of groups) {
    if (holdOut !== null) {
      const by = holdOut.seed ?? seed
      const key = `${holdOut.share} by ${by}`
      const pool = pools.get(key) ?? { share: holdOut.share, seed: by, firsts: [] }
      for (let index = from; index < Math.min(count, from + examples); index++) {
        if (original(index) === index) pool.firsts.push(index)
      }
      pools.set(key, pool)
    }
    from += examples
  }
  return [...pools.values()]
}

/** The first examples of held-out pairs. */
function heldOf({ share, seed, firsts }: Pool): readonly number[] {
  // Shares such as 0.29 are a little below their decimal value.
  const heldCount = Math.floor(firsts.length * share + 1e-9)
  if (heldCount === 0) {
    throw new InputError(
      "dataset-options",
      `validation_split is ${share}, which is less than one of ${firsts.length} pairs. Give at least ${1 / firsts.length}, or leave it out.`,
    )
  }
  return createPythonRandom(seed)
    .shuffled(firsts)
    .slice(firsts.length - heldCount)
}

/** Some examples of a data set, under new indices. */
function partOf(dataset: TrainDataset, indices: readonly number[]): TrainDataset {
  const { original, augmentation, changingCaption, captionOf, latents, texts, isStreamed, reading } = dataset
  const at = (index: number): number => indices[index] ?? -1
  const places = new Map(indices.map((index, place) => [index, place]))
  return {
    count: indices.length,
    example: (index, view) => dataset.example(at(index), view),
    ...(original === undefined ? {} : { original: (index) => places.get(original(at(index))) ?? index }),
    ...(augmentation === undefined ? {} : { augmentation: (index) => augmentation(at(index)) }),
    ...(changingCaption === undefined ? {} : { changingCaption: (index) => changingCaption(at(index)) }),
    ...(captionOf === undefined ? {} : { captionOf: (index) => captionOf(at(index)) }),
    ...(isStreamed === undefined ? {} : { isStreamed: (index) => isStreamed(at(index)) }),
    ...(reading === undefined ? {} : { reading: { ...reading, blocks: blocksOf(reading.blocks, indices) } }),
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

/** The first examples of blocks, under new indices. A block of which nothing is left is none. */
function blocksOf(blocks: readonly number[], indices: readonly number[]): readonly number[] {
  const firsts: number[] = []
  let place = 0
  for (const [block, start] of blocks.entries()) {
    const end = blocks[block + 1] ?? Number.POSITIVE_INFINITY
    while (place < indices.length && (indices[place] as number) < start) place += 1
    if (place < indices.length && (indices[place] as number) < end) firsts.push(place)
  }
  return firsts
}
