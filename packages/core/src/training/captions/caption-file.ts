import { checkArgument } from "../../argument.ts"

/**
 * The caption in a text file: its first line, or with wildcards all lines that are not empty.
 *
 * Source: sd-scripts `library/train_util.py`, `read_caption`. There a byte-order mark stays in the caption.
 *
 * @param wildcard see `CaptionRules`
 */
export function captionOfText(content: string, wildcard = false): string {
  checkArgument("captions: whether the text has several lines", wildcard, "true or false")
  checkArgument("caption: the text", content, "text")
  const lines = content.replace(/^\ufeff/, "").split(/\r\n|\r|\n/)
  if (!wildcard) return lines[0]?.trim() ?? ""
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join("\n")
}

/**
 * The names that the caption file of a picture may have, the best first. A name that ends in four numbers, as face
 * detection writes them, may share the caption of the name before.
 *
 * Source: sd-scripts `library/train_util.py`, `read_caption`, which leaves out any four parts.
 *
 * @param stem the picture's name without folder and extension
 * @param extension with its dot
 */
export function captionFileNames(stem: string, extension: string): readonly string[] {
  checkArgument("caption: the name", stem, "text")
  checkArgument("caption: the extension", extension, "text")
  const [, base] = /^(.+?)(?:_\d+){4}$/.exec(stem) ?? []
  return base === undefined ? [stem + extension] : [stem + extension, base + extension]
}
