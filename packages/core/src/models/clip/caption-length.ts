import { checkArgument } from "../../argument.ts"
import { countedNotice } from "../../notice.ts"
import { checkTokenizer } from "../given.ts"
import { captionTokens } from "./caption-tokens.ts"
import { CHUNK_LENGTH, checkChunks } from "./prompt.ts"
import type { Tokenizer } from "./tokenizer.ts"

/** Whether a caption has more tokens than training reads, in chunks of 75. @param isWeighted see `EncodePromptOptions` */
export function isCutCaption(tokenizer: Tokenizer, caption: string, chunks = 1, isWeighted = false): boolean {
  checkTokenizer("captions", tokenizer)
  checkArgument("captions: the caption", caption, "text")
  checkArgument("captions: the chunks", chunks, "a finite number")
  checkChunks(chunks, "captions")
  checkArgument("captions: whether weights are read", isWeighted, "true or false")
  // A token stands for at least one byte of UTF-8, and a UTF-16 unit takes at most three bytes.
  if (3 * caption.length <= chunks * CHUNK_LENGTH) return false
  return captionTokens(tokenizer, caption, isWeighted).length > chunks * CHUNK_LENGTH
}

/** The notice about captions of which only the first chunks of 75 tokens are read. @param names of their examples, in order */
export function cutCaptionNotices(names: readonly string[], chunks = 1): readonly string[] {
  checkArgument("captions: the chunks", chunks, "a finite number")
  checkChunks(chunks, "captions")
  const tokens = chunks * CHUNK_LENGTH
  return countedNotice(names, "captions", (subject, isOne) => {
    const what = isOne ? `The caption of ${subject} is` : `${subject} are`
    return `${what} longer than ${tokens} tokens. Only the first ${tokens} are read.`
  })
}
