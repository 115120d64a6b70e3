import { join } from "node:path"
import type { CaptionRules, RuledCaption } from "@lllite/core/training"
import type { ImageSize, NamedPicture, PictureSource } from "../images/read-image.ts"
import type { PairFiles } from "./file-problems.ts"
import type { MatchedNames } from "./match-controls.ts"

/** A picture, its control and its caption. */
export interface Pair extends PairFiles {
  /** The caption as its file has it, with its rules: a line, or with wildcards all lines. Empty without a file or entry. */
  readonly text: RuledCaption
  readonly size: ImageSize
  /** Reads the pictures of a pair that are not files of their own. Default: they are */
  readonly bytes?: { image(): Promise<NamedPicture>; control(): Promise<NamedPicture> }
}

/** Where the picture or the control of a pair is read. */
export async function sourceOf({ bytes, ...files }: Pair, which: "image" | "control"): Promise<PictureSource> {
  return bytes === undefined ? files[which] : bytes[which]()
}

/**
 * The pairs of two folders, in the order of their names. Names, captions and sizes are kept as columns, and paths are made
 * when a pair is read. So a million pairs take a few hundred bytes each.
 */
export interface PairTable extends Iterable<Pair> {
  readonly length: number
  /** The first pairs of the archives that have them. Default: pairs are files of their own */
  readonly blocks?: readonly number[]
  /** The caption of a pair with its rules, without the rest of it. */
  textAt(index: number): RuledCaption
  at(index: number): Pair
}

/** What is known of a pair beside its names. */
export type PairContents = ImageSize & { readonly caption: string }

/** The two folders of a table, and the rules of its captions. */
export interface PairFolders {
  readonly imageDir: string
  readonly controlDir: string
  readonly rules: CaptionRules
}

/** A table that is filled. */
export interface PairTableWriter {
  /** The paths of the two files with these names. */
  filesAt(index: number): PairFiles
  /** Puts the pair of these names into the table. Pairs are put in any order. */
  put(index: number, contents: PairContents): void
  /** The pairs that were put, in the order of their names. */
  table(): PairTable
}

/** Begins a table of pairs with these names. */
export function createPairTable(
  { imageDir, controlDir, rules }: PairFolders,
  { images, controls }: MatchedNames,
): PairTableWriter {
  const [imagePrefix, controlPrefix] = [prefixOf(imageDir), prefixOf(controlDir)]
  const captions = new Array<string | undefined>(images.length)
  const sizes = new Uint32Array(2 * images.length)
  const filesAt = (index: number): PairFiles => ({
    image: imagePrefix + images[index],
    control: controlPrefix + controls[index],
  })
  return {
    filesAt,
    put(index, { caption, width, height }) {
      captions[index] = caption
      sizes.set([width, height], 2 * index)
    },
    table() {
      const order = Uint32Array.from({ length: images.length }, (_, index) => index).filter(
        (index) => captions[index] !== undefined,
      )
      const placeOf = (index: number): number => {
        const place = order[index]
        if (place === undefined) throw new RangeError(`there is no pair ${index} of ${order.length}`)
        return place
      }
      const textOf = (place: number): RuledCaption => ({ caption: captions[place] as string, rules })
      const at = (index: number): Pair => {
        const place = placeOf(index)
        const [width, height] = sizes.subarray(2 * place, 2 * place + 2) as unknown as readonly [number, number]
        return { ...filesAt(place), text: textOf(place), size: { width, height } }
      }
      return {
        length: order.length,
        at,
        textAt: (index) => textOf(placeOf(index)),
        *[Symbol.iterator]() {
          for (let index = 0; index < order.length; index++) yield at(index)
        },
      }
    },
  }
}

/** What stands before a name in the path of a file. */
function prefixOf(folder: string): string {
  return join(folder, "_").slice(0, -1)
}
