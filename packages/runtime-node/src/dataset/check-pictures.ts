import type { PictureWithTraits } from "../images/picture-traits.ts"
import { examineImage } from "../images/read-image.ts"
import type { FileProblem } from "./file-problems.ts"
import { mapInParallel } from "./in-parallel.ts"
import type { WatchOptions } from "./pairs.ts"

/** What decoding of pictures finds. */
export interface CheckedPictures {
  /** Pictures that can be decoded and have traits. Of a million pictures, most have none. */
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
  const found = await mapInParallel(paths, async (path): Promise<PictureWithTraits | FileProblem | null> => {
    signal?.throwIfAborted()
    const result = await examineImage(path).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    )
    onProgress?.(++done, paths.length)
    if (typeof result === "string") return { kind: "picture", path, text: result }
    return result.traits.length === 0 ? null : { path, traits: result.traits }
  })
  return {
    pictures: found.filter((each) => each !== null && "traits" in each),
    problems: found.filter((each) => each !== null && "kind" in each),
  }
}
