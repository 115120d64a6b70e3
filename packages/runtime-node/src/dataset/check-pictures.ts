import type { PictureWithTraits } from "../images/picture-traits.ts"
import { examineImage } from "../images/read-image.ts"
import type { FileProblem } from "./file-problems.ts"
import { eachInParallel } from "./in-parallel.ts"
import type { WatchOptions } from "./pair-listing.ts"
import type { PairTable } from "./pair-table.ts"
import type { SubsetConfig } from "./subset-config.ts"

/** What decoding of pictures finds. */
export interface CheckedPictures {
  /** Pictures that can be decoded and have traits. Of a million pictures, most have none. */
  readonly pictures: readonly PictureWithTraits[]
  readonly problems: readonly FileProblem[]
}

/** The pairs of a folder that are checked, and files of pairs with a problem. */
export interface CheckedFolder {
  readonly pairs: PairTable
  readonly subset: Pick<SubsetConfig, "imageDir" | "controlDir">
  readonly readable: readonly string[]
}

/**
 * The files of folders, pair by pair. Files of a folder that is named several times come once. Only their paths are
 * remembered, since the files of one folder differ.
 */
export function* filesOf(folders: readonly CheckedFolder[]): Generator<string, void, undefined> {
  const dirs = folders.flatMap(({ subset }) => [subset.imageDir, subset.controlDir])
  const isNamedAgain = (dir: string): boolean => dirs.indexOf(dir) !== dirs.lastIndexOf(dir)
  const seen = new Set<string>()
  const isNew = (path: string): boolean => !seen.has(path) && seen.add(path).has(path)
  for (const { pairs, subset, readable } of folders) {
    // Archives are read once, at their steps.
    if (pairs.blocks !== undefined) continue
    const [twice, controlTwice] = [isNamedAgain(subset.imageDir), isNamedAgain(subset.controlDir)]
    for (const { image, control } of pairs) {
      if (!twice || isNew(image)) yield image
      if (!controlTwice || isNew(control)) yield control
    }
    for (const path of readable) if (isNew(path)) yield path
  }
}

/**
 * Decodes pictures of folders and drops their pixels. A header says nothing about a file that breaks off, or about what alpha
 * hides. Problems and traits are in the order of the files.
 *
 * @throws the signal's reason when aborted
 */
export async function checkPictures(
  folders: readonly CheckedFolder[],
  { signal, onProgress }: WatchOptions = {},
): Promise<CheckedPictures> {
  let [count, begun, done] = [0, 0, 0]
  for (const _ of filesOf(folders)) count += 1
  /** What is found, by the place of its file. A control of two pictures is found twice. */
  const found = new Map<string, readonly [place: number, finding: PictureWithTraits | FileProblem]>()
  await eachInParallel(filesOf(folders), async (path) => {
    const place = begun++
    signal?.throwIfAborted()
    const result = await examineImage(path).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    )
    onProgress?.(++done, count)
    if (typeof result !== "string" && result.traits.length === 0) return
    const finding: PictureWithTraits | FileProblem =
      typeof result === "string" ? { kind: "picture", path, text: result } : { path, traits: result.traits }
    if (!found.has(path)) found.set(path, [place, finding])
  })
  const inOrder = [...found.values()].sort(([a], [b]) => a - b).map(([, finding]) => finding)
  return {
    pictures: inOrder.filter((each) => "traits" in each),
    problems: inOrder.filter((each) => "kind" in each),
  }
}
