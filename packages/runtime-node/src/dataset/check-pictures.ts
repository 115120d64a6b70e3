import type { PictureWithTraits } from "../images/picture-traits.ts"
import { examineImage } from "../images/read-image.ts"
import type { FileProblem } from "./file-problems.ts"
import { mapInParallel } from "./in-parallel.ts"
import type { WatchOptions } from "./pairs.ts"

/** Pictures that can be decoded, and the problems of the others. */
export interface CheckedPictures {
  readonly pictures: readonly PictureWithTraits[]
  readonly problems: readonly FileProblem[]
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
  const found = await mapInParallel(paths, async (path): Promise<PictureWithTraits | FileProblem> => {
    signal?.throwIfAborted()
    const result = await examineImage(path).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    )
    onProgress?.(++done, paths.length)
    return typeof result === "string" ? { kind: "picture", path, text: result } : { path, traits: result.traits }
  })
  return {
    pictures: found.filter((each) => "traits" in each),
    problems: found.filter((each) => "kind" in each),
  }
}
