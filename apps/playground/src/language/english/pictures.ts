import { describeUnread, otherFormatHint } from "@lllite/core/image"
import { about, listed, naming } from "./counted.ts"

/** Words of what is opened: pictures, files that are dropped, and settings that come with them. */
export const pictures = {
  /** @param first bytes of the file */
  notAPicture: (name: string, first: Uint8Array): string =>
    `"${name}" is not a picture that can be read, ${otherFormatHint(first)}`,
  broken: (name: string): string => `"${name}" is a broken picture. Get a complete copy, or save it again.`,
  brokenSvg: (name: string): string => `"${name}" is a broken SVG. Get a complete copy, or save it as PNG.`,
  tooLarge: (name: string, width: number, height: number, most: number): string =>
    `"${name}" is ${width} × ${height} px, expected at most ${most} a side. Make it smaller.`,
  otherShape: (name: string, control: string, picture: string, reason: string): string =>
    `"${name}" is ${control} and its picture ${picture}, expected one shape. ${reason}`,
  workerFailed: (cause: string): string => `the picture could not be read: ${cause}. Reload the page.`,
  workerNotLoaded: "its worker could not be loaded",
  // what a picture does not show of its file
  turned: (names: readonly string[]): string =>
    about(
      names,
      "pictures",
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} an EXIF orientation, and ${isOne ? "is" : "are"} turned as viewers show ${isOne ? "it" : "them"}.`,
    ),
  cropped: (names: readonly string[]): string =>
    about(
      names,
      "pictures",
      (subject, isOne) => `${subject} ${isOne ? "is" : "are"} not square. Only the middle is used.`,
    ),
  transparent: (names: readonly string[]): string =>
    about(
      names,
      "pictures",
      (subject, isOne) => `${subject} ${isOne ? "has" : "have"} transparent pixels. They become white.`,
    ),
  invisible: (names: readonly string[]): string =>
    about(
      names,
      "pictures",
      (subject, isOne) => `${subject} ${isOne ? "is" : "are"} wholly transparent, and therefore white here.`,
    ),
  stretched: (names: readonly string[]): string =>
    about(
      names,
      "pictures",
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} another shape than ${isOne ? "its picture" : "their pictures"}. ${isOne ? "It is" : "Each is"} stretched onto the picture.`,
    ),
  // what is dropped
  notUsed: (names: readonly string[]): string =>
    naming(
      names,
      "files",
      (subject, isOne) =>
        `${subject} ${isOne ? "is" : "are"} not used: the page opens pictures, captions beside them, and one safetensors file at a time.`,
    ),
  isDrawing: (name: string): string => `"${name}" is the drawing.`,
  noFile: "There is no file in what was dropped.",
  underFiles: (name: string): string => `What the page found in "${name}" stands under Files.`,
  sheetTakesOne: (names: readonly string[]): string =>
    naming(
      names,
      "files",
      (subject, isOne) => `${subject} ${isOne ? "is" : "are"} not used: the sheet takes one picture.`,
    ),
  entryUnreadable: (path: string, cause: string): string =>
    `"${path}" cannot be read (${cause}). Check that it is still there, and drop it again.`,
  // settings of a picture
  settingsUnreadable: (name: string, cause: string): string => `Its settings cannot be read. ${name}: ${cause}`,
  settingsSet: (name: string): string => `The settings of ${name} are set.`,
  noPictureInWorkflow: "its workflow makes no picture",
  severalInWorkflow: "Its workflow makes several pictures. The first is taken.",
  startMissing: "The picture that it starts from is not in it.",
  linkUnreadable: (cause: string): string => `The settings of this link cannot be read: ${cause}. Copy the whole link.`,
  linkSet: "The settings of the link are set.",
  linkTooLong: "it is too long",
  linkCut: "it is cut off or damaged",
  named: (name: string): string => `“${name}”`,
  theTiny: "the tiny SDXL",
  otherFile: (name: string): string => `It was made with another file of the name “${name}”.`,
  otherModel: (made: string, here: string): string => `It was made with ${made}. Here ${here} draws.`,
  vaeNotOpen: (name: string): string => `Its VAE “${name}” is not open.`,
  otherSize: (width: number, height: number, side: number): string =>
    `It was made with ${width} × ${height} pixels. Here pictures have ${side} × ${side}.`,
  networkNotOpen: (what: string, name: string): string =>
    `The ${what} “${name}” is not open and is left out. Open its file, and then this again.`,
  blocksNotFollowed: (name: string): string => `Of “${name}” this page does not follow strengths of blocks.`,
  notFollowed: (what: readonly Unfollowed[]): string =>
    `This page does not follow ${listed(what.map((one) => UNFOLLOWED[one]))}.`,
  notFollowedOf: (name: string, what: readonly Unfollowed[]): string =>
    `Of “${name}” this page does not follow ${listed(what.map((one) => UNFOLLOWED[one]))}.`,
  noPreprocessor: (name: string): string => `There is no preprocessor ${name} here. Canny is used.`,
  // a folder of pairs
  unreadFormats: (names: readonly string[]): string =>
    names.length === 1
      ? names.map(describeUnread).join("")
      : naming(names, "pictures", (subject) => `${subject} are in formats that are not read. Save them as PNG.`),
  noControlPicture: (names: readonly string[]): string =>
    naming(
      names,
      "pictures",
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} no control picture and ${isOne ? "is" : "are"} not used: the same name with any extension is missing in the folder of controls.`,
    ),
  unusedControl: (names: readonly string[]): string =>
    naming(
      names,
      "control pictures",
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} no picture of the same name and ${isOne ? "is" : "are"} not used.`,
    ),
  doubledControl: (names: readonly string[]): string =>
    naming(
      names,
      "control pictures",
      (subject, isOne) =>
        `${subject} ${isOne ? "is" : "are"} not used: another control has the same name with an earlier extension.`,
    ),
  unusedCaption: (names: readonly string[]): string =>
    naming(
      names,
      "caption files",
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} no picture of the same name and ${isOne ? "is" : "are"} not used.`,
    ),
  neither: (names: readonly string[]): string =>
    naming(
      names,
      "files",
      (subject, isOne) =>
        `${subject} ${isOne ? "is" : "are"} neither ${isOne ? "a picture nor a caption" : "pictures nor captions"} and ${isOne ? "is" : "are"} not used.`,
    ),
  cutCaption: (names: readonly string[]): string =>
    about(
      names,
      "captions",
      (subject, isOne) => `${subject} ${isOne ? "has" : "have"} several lines. Only the first is read.`,
    ),
  noCaption: (names: readonly string[]): string =>
    about(
      names,
      "pictures",
      (subject, isOne) =>
        `${subject} ${isOne ? "has" : "have"} no caption file. The caption comes from ${isOne ? "its name" : "their names"}.`,
    ),
  captionTooLong: (path: string, bytes: number): string => `"${path}" has ${bytes} bytes. That is not a caption.`,
  captionNotUtf8: (path: string): string => `"${path}" is not UTF-8. Save it as UTF-8.`,
  captionEmptyLine: (path: string): string => `"${path}": its first line is empty. Write the caption there.`,
  pairsUnreadable: (count: number, first: string): string =>
    `${count} pairs cannot be read and are left out. The first problem: ${first}`,
}

/** What recipes have and this page does not follow. */
const UNFOLLOWED = {
  deepShrink: "deep shrink",
  deepCache: "deep cache",
  gradualLatent: "gradual latent",
  regions: "regions",
  textualInversions: "textual inversions",
  blocks: "blocks",
  guidance: "guidance",
  mask: "mask",
  guessMode: "guessMode",
  softEnds: "soft ends of its window",
  sigmaCurve: "a curve by noise levels",
} as const

export type Unfollowed = keyof typeof UNFOLLOWED
