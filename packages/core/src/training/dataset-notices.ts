import { checkArgument } from "../argument.ts"
import { listText } from "../list-text.ts"
import { countedNotice } from "../notice.ts"

/** What is allowed in a data set and may be a mistake, with the file or folder. */
export interface Remark {
  readonly kind: keyof typeof SENTENCES
  readonly path: string
}

type Sentence = (subject: string, isOne: boolean) => string

/** The kinds of remarks, with their word in the plural and their sentence. */
const SENTENCES = {
  "no-caption": [
    "pictures",
    (subject, isOne) => `${subject} ${isOne ? "has" : "have"} no caption file. Training uses an empty caption.`,
  ],
  "cut-caption": [
    "captions",
    (subject, isOne) => `${subject} ${isOne ? "has" : "have"} several lines. Only the first is read.`,
  ],
  "empty-entry": [
    "pictures",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} neither caption nor tags in the metadata file. Training uses an empty caption.`,
  ],
  "cut-entry": [
    "captions",
    (subject, isOne) =>
      `${isOne ? `The caption of ${subject} has` : `${subject} have`} several lines in the metadata file. Only the first is read, and the tags.`,
  ],
  "unlisted-picture": [
    "pictures",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} no entry in the metadata file and ${isOne ? "is" : "are"} not used.`,
  ],
  "unused-entry": [
    "entries of the metadata file",
    (subject, isOne) =>
      `${isOne ? `The entry of the metadata file for ${subject} is` : `${subject} are`} not used: there is no such picture in the folders.`,
  ],
  "unread-resolution": [
    "metadata files",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} train_resolution, which is not read. Buckets follow from the pictures.`,
  ],
  "stretched-control": [
    "control pictures",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} another shape than ${isOne ? "its picture" : "their pictures"}. ` +
      `${isOne ? "It is" : "Each is"} stretched onto the picture. Annotators that round sizes make such controls.`,
  ],
  "unused-control": [
    "control pictures",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} no picture of the same name and ${isOne ? "is" : "are"} not used.`,
  ],
  "doubled-control": [
    "control pictures",
    (subject, isOne) =>
      `${subject} ${isOne ? "is" : "are"} not used: another control has the same name with an earlier extension.`,
  ],
  "inner-folder": [
    "folders inside of folders of pictures",
    (subject, isOne) =>
      `${subject} ${isOne ? "holds" : "hold"} pictures that are not read. Make ${isOne ? "it" : "each"} a subset with its own image_dir to use them.`,
  ],
} as const satisfies Readonly<Record<string, readonly [what: string, sentence: Sentence]>>

/** The kinds of remarks, in the order of their notices. */
export function remarkKinds(): readonly Remark["kind"][] {
  return Object.keys(SENTENCES) as Remark["kind"][]
}

/** One notice for each kind of remark, with its number and the first path. */
export function remarkNotices(remarks: readonly Remark[], captionExtensions: readonly string[]): readonly string[] {
  checkArgument("data set: the remarks", remarks, "a list")
  checkArgument("data set: the extensions", captionExtensions, "a list of texts")
  const advice = `The extension of captions is ${listText(captionExtensions, "or")}. To change it, set caption_extension.`
  return Object.entries(SENTENCES).flatMap(([kind, [what, sentence]]) => {
    const paths = remarks.flatMap((remark) => (remark.kind === kind ? [remark.path] : []))
    return countedNotice(paths, what, sentence).map((text) => (kind === "no-caption" ? `${text} ${advice}` : text))
  })
}

/** The notice about controls without a picture. */
export function describeUnused(paths: readonly string[]): readonly string[] {
  checkArgument("data set: the paths", paths, "a list of texts")
  return countedNotice(paths, ...SENTENCES["unused-control"])
}
