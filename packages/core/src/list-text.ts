import { checkArgument, checkChoice } from "./argument.ts"

/** Parts of a sentence as a list: `64`, `64 and 128`, `64, 128 and 256`. @param word the one before the last part */
export function listText(parts: readonly (string | number)[], word: "and" | "or"): string {
  checkArgument("list", parts, "a list")
  checkChoice("list", "word", word ?? "", ["and", "or"])
  const before = parts.slice(0, -1).join(", ")
  return before === "" ? parts.join("") : `${before} ${word} ${parts.at(-1)}`
}
