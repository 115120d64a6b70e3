import type { ReadingOrder, RuledCaption } from "@lllite/core/training"
import { InputError } from "../errors.ts"
import type { Entry } from "./entry.ts"
import { entryOf } from "./entry.ts"
import type { Fitter } from "./fit-pair.ts"
import type { DatasetGroup } from "./group-config.ts"
import type { PairTable } from "./pair-table.ts"
import type { SubsetConfig } from "./subset-config.ts"

/** The pairs of a folder, with what their entries follow from. */
export interface EntryFolder {
  readonly pairs: PairTable
  readonly subset: SubsetConfig
  readonly fitter: Fitter
  readonly group: DatasetGroup
}

/** The pictures of a data set, folder by folder. An entry is made when it is read, so a million of them take no memory. */
export interface EntryTable extends Iterable<Entry> {
  /** The number of pictures, without repeats. */
  readonly length: number
  /** The number of examples, repeats included. Those of a picture follow each other. */
  readonly examples: number
  /** How examples in archives follow each other. A folder is one block among them. Null: there are no archives */
  readonly blocks: ReadingOrder | null
  /** The number of examples of a data set. */
  examplesOf(group: DatasetGroup): number
  at(picture: number): Entry
  /** The entry of an example. @throws InputError when there is none */
  ofExample(index: number): Entry
  /** The caption of an example with its rules. @throws InputError when there is none */
  textOfExample(index: number): RuledCaption
  /** The picture of an example. @throws InputError when there is none */
  pictureOf(index: number): number
  /** The first example of the picture of an example. @throws InputError when there is none */
  firstOf(index: number): number
}

/** A folder, with its first picture and its first example. */
interface Placed extends EntryFolder {
  readonly picture: number
  readonly example: number
}

/** The entries of folders, in their order. */
export function createEntryTable(folders: readonly EntryFolder[]): EntryTable {
  const placed: Placed[] = []
  let [length, examples] = [0, 0]
  for (const folder of folders) {
    placed.push({ ...folder, picture: length, example: examples })
    length += folder.pairs.length
    examples += folder.pairs.length * folder.subset.repeats
  }
  const folderOf = (index: number): { readonly folder: Placed; readonly pair: number } => {
    const folder = placed.findLast(({ example, pairs }) => example <= index && pairs.length > 0)
    if (folder === undefined || !(index < examples)) {
      throw new InputError("dataset-index", `data set: there is no example ${index} of ${examples}`)
    }
    return { folder, pair: Math.floor((index - folder.example) / folder.subset.repeats) }
  }
  const entryIn = ({ pairs, picture, subset, fitter, group }: Placed, pair: number): Entry =>
    entryOf(pairs.at(pair), picture + pair, subset, fitter, group)
  return {
    length,
    examples,
    blocks: readingOf(placed),
    examplesOf: (group) =>
      placed
        .filter((folder) => folder.group === group)
        .reduce((sum, { pairs, subset }) => sum + pairs.length * subset.repeats, 0),
    at(picture) {
      const folder = placed.findLast((each) => each.picture <= picture && each.pairs.length > 0)
      if (folder === undefined || !(picture < length)) {
        throw new InputError("dataset-index", `data set: there is no picture ${picture} of ${length}`)
      }
      return entryIn(folder, picture - folder.picture)
    },
    ofExample(index) {
      const { folder, pair } = folderOf(index)
      return entryIn(folder, pair)
    },
    textOfExample(index) {
      const { folder, pair } = folderOf(index)
      return folder.pairs.textAt(pair)
    },
    pictureOf(index) {
      const { folder, pair } = folderOf(index)
      return folder.picture + pair
    },
    firstOf(index) {
      const { folder, pair } = folderOf(index)
      return folder.example + pair * folder.subset.repeats
    },
    *[Symbol.iterator]() {
      for (const folder of placed) {
        for (let pair = 0; pair < folder.pairs.length; pair++) yield entryIn(folder, pair)
      }
    },
  }
}

function readingOf(folders: readonly Placed[]): ReadingOrder | null {
  const buffers = folders.flatMap(({ subset }) => subset.shards?.buffer ?? [])
  if (buffers.length === 0) return null
  const blocks = folders
    .filter(({ pairs }) => pairs.length > 0)
    .flatMap(({ pairs, subset, example }) => (pairs.blocks ?? [0]).map((pair) => example + pair * subset.repeats))
  return { blocks, buffer: Math.max(...buffers) }
}
