import type { PictureWithTraits } from "../images/picture-traits.ts"
import { examineImage } from "../images/read-image.ts"
import { mapInParallel } from "./in-parallel.ts"
import type { WatchOptions } from "./pairs.ts"

/** Pictures that can be decoded, and the problems of the others. */
export interface CheckedPictures {
  readonly pictures: readonly PictureWithTraits[]
  /** One sentence each. */
  readonly problems: readonly string[]
}

/**
 * Decodes pictures and drops their pixels. A header says nothing about a file that breaks off, or about what alpha
 * hides.
 *
 * @throws the signal's reason when aborted
 */
export async function checkPictures(
  paths: readonly string[],
  { signal, onProgress }: WatchOptions = {},
): Promise<CheckedPictures> {
  let done = 0
  const found = await mapInParallel(paths, async (path) => {
    signal?.throwIfAborted()
    const result = await examineImage(path).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    )
    onProgress?.(++done, paths.length)
    return typeof result === "string" ? result : { path, traits: result.traits }
  })
  return {
    pictures: found.filter((each) => typeof each !== "string"),
    problems: found.filter((each) => typeof each === "string"),
  }
}
