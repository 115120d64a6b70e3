import { isReadImage, isUnreadImage } from "@lllite/core/image"
import { captionFileNames } from "@lllite/core/training"
import { type Sentence, sentence } from "../../language/sentence.ts"

/** Files of a picture by their paths: the folder that was dropped, and the folders in it. */
export interface FoundPair {
  readonly image: string
  /** Null: it is made of the picture. */
  readonly control: string | null
  /** The file of its caption. Null if there is none. */
  readonly caption: string | null
}

/** Pairs among files, and what is not used. */
export interface MatchedFiles {
  readonly pairs: readonly FoundPair[]
  /** Why files are not used, with a count and the first name. */
  readonly notices: readonly Sentence[]
}

/** Endings of captions, the best first. */
const CAPTION_EXTENSIONS = [".txt", ".caption"] as const

/** Names of folders that hold controls: sd-scripts' `conditioning_data_dir` is often named so. */
const CONTROL_FOLDER = /^(condition|control)/i

/** Files that systems leave in folders. */
const LITTER = /^(Thumbs\.db|desktop\.ini)$/i

/**
 * Finds pairs among files, as sd-scripts has them: a picture and its caption have one name, and the control has it in a
 * folder whose name begins with "conditioning" or "control". Names are compared in NFC where the exact one is missing.
 * Hidden files are passed over. Of everything else that is not used, a notice says why.
 *
 * @param paths with `/` between folders and name
 */
export function matchFiles(paths: readonly string[]): MatchedFiles {
  const visible = paths.filter((path) => !isHidden(path)).sort()
  const pictures = visible.filter((path) => isReadImage(extensionOf(path)))
  const unread = visible.filter((path) => isUnreadImage(extensionOf(path)))
  const texts = visible.filter((path) => CAPTION_EXTENSIONS.some((one) => one === extensionOf(path).toLowerCase()))
  const others = visible.filter((path) => ![pictures, unread, texts].some((list) => list.includes(path)))
  const outside = pictures.filter((path) => !isControl(path))
  // A folder of controls alone is a folder of pictures.
  const images = outside.length === 0 ? pictures : outside
  const controls = outside.length === 0 ? [] : pictures.filter(isControl)

  const captions = indexed(texts)
  const ofStem = indexed(controls)
  const usedTexts = new Set<string>()
  const usedControls = new Set<string>()
  const doubled: string[] = []
  const without: string[] = []
  const pairs: FoundPair[] = []
  for (const image of images) {
    const [control = null, ...more] = nearest(image, ofStem.stems(stemOf(nameOf(image))))
    if (controls.length > 0 && control === null) {
      without.push(image)
      continue
    }
    const caption = captionOf(image, captions.paths)
    pairs.push({ image, control, caption })
    if (caption !== null) usedTexts.add(caption)
    if (control !== null) usedControls.add(control)
    for (const one of more) if (folderOf(one) === folderOf(control ?? "")) doubled.push(one)
  }
  const unused = controls.filter((path) => !usedControls.has(path) && !doubled.includes(path))
  const about = {
    ...{ unreadFormats: unread, noControlPicture: without, unusedControl: unused },
    doubledControl: doubled.filter((path) => !usedControls.has(path)),
    unusedCaption: texts.filter((path) => !usedTexts.has(path)),
    neither: others,
  } as const
  const kinds = Object.keys(about) as (keyof typeof about)[]
  return {
    pairs,
    notices: kinds.flatMap((kind) => (about[kind].length === 0 ? [] : [sentence("pictures", kind, about[kind])])),
  }
}

/** The caption file beside a picture, or null. */
function captionOf(image: string, texts: ReadonlyMap<string, string>): string | null {
  const stem = stemOf(nameOf(image))
  for (const extension of CAPTION_EXTENSIONS) {
    for (const name of captionFileNames(stem, extension)) {
      const found = texts.get(folderOf(image) + name) ?? texts.get((folderOf(image) + name).normalize("NFC"))
      if (found !== undefined) return found
    }
  }
  return null
}

/** Paths by themselves, also in NFC and with their endings in lower case, and by their stems. */
function indexed(paths: readonly string[]) {
  const byPath = new Map<string, string>()
  const byStem = new Map<string, string[]>()
  for (const path of paths) {
    const plain = path.slice(0, path.length - extensionOf(path).length) + extensionOf(path).toLowerCase()
    for (const key of [path, plain, plain.normalize("NFC")]) if (!byPath.has(key)) byPath.set(key, path)
    const stem = stemOf(nameOf(path))
    for (const key of new Set([stem, stem.normalize("NFC")])) byStem.set(key, [...(byStem.get(key) ?? []), path])
  }
  return {
    paths: byPath as ReadonlyMap<string, string>,
    stems: (stem: string): readonly string[] => byStem.get(stem) ?? byStem.get(stem.normalize("NFC")) ?? [],
  }
}

/** Controls of a picture, those of the nearest folder first. */
function nearest(image: string, controls: readonly string[]): readonly string[] {
  const shared = (path: string): number => {
    const [a, b] = [image.split("/"), path.split("/")]
    let count = 0
    while (count < a.length - 1 && a[count] === b[count]) count += 1
    return count
  }
  return controls.toSorted((a, b) => shared(b) - shared(a))
}

function isHidden(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX") || LITTER.test(nameOf(path))
}

function isControl(path: string): boolean {
  return path
    .split("/")
    .slice(0, -1)
    .some((folder) => CONTROL_FOLDER.test(folder))
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1)
}

/** The folder of a path, with its slash. Empty for a file that was dropped alone. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1)
}

function extensionOf(path: string): string {
  return /\.[^./]*$/.exec(path)?.[0] ?? ""
}

function stemOf(name: string): string {
  return name.slice(0, name.length - extensionOf(name).length)
}
