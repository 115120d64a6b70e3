import { safeText } from "@lllite/format"
import { checkArgument } from "./argument.ts"

/**
 * One notice about things of one sort: their number and the first name. `"a.png" is an animation.`, or
 * `3 pictures are animations. The first is "a.png".`
 *
 * @param names the things, in order
 * @param what their word in the plural
 * @param sentence what is said of them. It gets their subject, and whether it is a single one
 * @returns no notice where there is no thing
 */
export function countedNotice(
  names: readonly string[],
  what: string,
  sentence: (subject: string, isOne: boolean) => string,
): readonly string[] {
  checkArgument("notice: the names", names, "a list of texts")
  checkArgument("notice: the sentence", sentence, "a function")
  const first = names[0] === undefined ? undefined : safeText(names[0])
  if (first === undefined) return []
  const isOne = names.length === 1
  const subject = isOne ? `"${first}"` : `${names.length} ${what}`
  return [`${sentence(subject, isOne)}${isOne ? "" : ` The first is "${first}".`}`]
}
