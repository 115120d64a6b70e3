import { countedNotice } from "../../notice.ts"
import { CONTEXT_LENGTH } from "./prompt.ts"
import type { Tokenizer } from "./tokenizer.ts"

/** Tokens of a caption that training reads. */
const CAPTION_TOKENS = CONTEXT_LENGTH - 2

/** Whether a caption has more tokens than training reads. */
export function isCutCaption(tokenizer: Tokenizer, caption: string): boolean {
  // A token stands for at least one byte of UTF-8, and a UTF-16 unit takes at most three bytes.
  if (3 * caption.length <= CAPTION_TOKENS) return false
  return tokenizer.encode(caption).length > CAPTION_TOKENS
}

/** The notice about captions of which only the first 75 tokens are read. @param names of their examples, in order */
export function cutCaptionNotices(names: readonly string[]): readonly string[] {
  return countedNotice(names, "captions", (subject, isOne) => {
    const what = isOne ? `The caption of ${subject} is` : `${subject} are`
    return `${what} longer than ${CAPTION_TOKENS} tokens. Only the first ${CAPTION_TOKENS} are read.`
  })
}
