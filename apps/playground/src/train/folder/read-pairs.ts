import { captionOfText } from "@lllite/core/training"
import { PageError, problemOf, type Sentence, sentence } from "../../language/sentence.ts"
import type { PlacedFile } from "../../opening/dropped-files.ts"
import { readBytes } from "../../page/read-file.ts"
import { SIZE } from "../../pictures/canvas-image.ts"
import { type ControlKind, preparationOf } from "../../pictures/control-kinds.ts"
import { changeNotices, type PictureChange } from "../../pictures/picture-changes.ts"
import { makeControl, readPicture } from "../../pictures/picture-reader.ts"
import { captionOfFile, type TrainingPair } from "../pairs.ts"
import { type FoundPair, matchFiles } from "./match-files.ts"

/** The longest caption that is read, in bytes. A longer file is not a caption. */
const MOST_CAPTION_BYTES = 1 << 20

/** What was read of files. */
export interface ReadPairs {
  /** What is not used, not shown, or not as in the file. One sentence each. */
  readonly notices: readonly Sentence[]
  /** Why files could not be read. One sentence for the first of each sort, with a count of the others. */
  readonly problems: readonly Sentence[]
}

/**
 * Reads the pairs among files. Pictures are decoded in a worker. A pair that cannot be read is left out, and said.
 *
 * @param kind of the controls that are made of pictures
 * @param onPair called with each pair, in order, and the number of all
 */
export async function readPairs(
  files: readonly PlacedFile[],
  kind: ControlKind,
  onPair: (pair: TrainingPair | null, count: number) => void,
): Promise<ReadPairs> {
  const byPath = new Map(files.map(({ path, file }) => [path, file]))
  const { pairs, notices } = matchFiles([...byPath.keys()])
  const isFolder = pairs.some(({ caption }) => caption !== null)
  const problems: Sentence[] = []
  const read: { readonly name: string; readonly changes: readonly PictureChange[] }[] = []
  const cut: string[] = []
  const without: string[] = []
  const readPair = async (found: FoundPair): Promise<TrainingPair> => {
    const fileOf = (path: string): File => byPath.get(path) as File
    const picture = await readPicture(fileOf(found.image), SIZE)
    const control = found.control === null ? null : await readPicture(fileOf(found.control), SIZE, picture.original)
    const caption = found.caption === null ? null : await readCaption(found.caption, fileOf(found.caption))
    if (caption?.isCut === true) cut.push(found.caption as string)
    if (caption === null && isFolder) without.push(found.image)
    read.push({ name: found.image, changes: picture.changes })
    if (control !== null) read.push({ name: found.control as string, changes: control.changes })
    return {
      name: found.image,
      image: picture.image,
      control: control?.image ?? (await makeControl(picture.image, preparationOf(kind, picture.image.width))),
      caption: caption?.text ?? captionOfFile(found.image),
      isMade: control === null,
    }
  }
  for (const found of pairs) {
    const pair = await readPair(found).catch((error: unknown) => {
      problems.push(problemOf(error))
      return null
    })
    onPair(pair, pairs.length)
  }
  return {
    notices: [
      ...notices,
      ...changeNotices(read),
      ...(cut.length === 0 ? [] : [sentence("pictures", "cutCaption", cut)]),
      ...(without.length === 0 ? [] : [sentence("pictures", "noCaption", without)]),
    ],
    problems: shortened(problems),
  }
}

async function readCaption(path: string, file: File): Promise<{ readonly text: string; readonly isCut: boolean }> {
  if (file.size > MOST_CAPTION_BYTES) throw new PageError(sentence("pictures", "captionTooLong", path, file.size))
  const bytes = await readBytes(file, path)
  let content: string
  try {
    content = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw new PageError(sentence("pictures", "captionNotUtf8", path))
  }
  const text = captionOfText(content)
  if (text === "" && content.trim() !== "") throw new PageError(sentence("pictures", "captionEmptyLine", path))
  return { text, isCut: captionOfText(content, true).includes("\n") }
}

/** The first problem, and the number of the others. */
function shortened([first, ...others]: readonly Sentence[]): readonly Sentence[] {
  if (first === undefined || others.length === 0) return first === undefined ? [] : [first]
  return [sentence("pictures", "pairsUnreadable", others.length + 1, first)]
}
