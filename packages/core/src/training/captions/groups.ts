import type { CaptionRandom } from "./caption-random.ts"

/** Groups in groups are read this deep. What is deeper stays as it is written. */
const DEEPEST_GROUP = 50

/**
 * Chooses one option of every group: `{red|blue} dress` becomes `red dress` or `blue dress`. Groups may stand in groups.
 * `{{` and `}}` around a text, and `\{` and `\}`, are braces. A brace without its partner, and `{}`, stay.
 *
 * Draws are those of sd-scripts wherever no group stands in another: the first group first.
 */
export function chooseOptions(text: string, random: Pick<CaptionRandom, "choice">): string {
  const partners = partnersOf(text)
  const read = (from: number, to: number, depth: number): string => {
    let result = ""
    for (let i = from; i < to; i++) {
      const sign = text[i] as string
      const close = partners.get(i)
      if (sign === "\\" && isBrace(text[i + 1]) && i + 1 < to) result += text[++i]
      else if (close === undefined) {
        result += sign
        // An escaped brace without its partner.
        if (isBrace(sign) && text[i + 1] === sign && i + 1 < to && !partners.has(i + 1)) i += 1
      } else if (partners.get(i + 1) === close - 1) {
        result += `{${depth < DEEPEST_GROUP ? read(i + 2, close - 1, depth + 1) : text.slice(i + 2, close - 1)}}`
        i = close
      } else if (close === i + 1 || depth >= DEEPEST_GROUP) {
        result += text.slice(i, close + 1)
        i = close
      } else {
        const [start, end] = random.choice(optionsIn(i + 1, close))
        result += read(start, end, depth + 1)
        i = close
      }
    }
    return result
  }
  /** The places of a group's options, which bars outside of its inner groups separate. */
  const optionsIn = (from: number, to: number): readonly (readonly [number, number])[] => {
    const options: [number, number][] = []
    let start = from
    for (let i = from; i < to; i++) {
      if (text[i] === "|") {
        options.push([start, i])
        start = i + 1
      } else i = Math.max(i, partners.get(i) ?? i)
    }
    return [...options, [start, to]]
  }
  return read(0, text.length, 0)
}

/** The place of each opening brace's partner, and of each closing brace's. Braces after a backslash have none. */
function partnersOf(text: string): ReadonlyMap<number, number> {
  const partners = new Map<number, number>()
  const open: number[] = []
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\" && isBrace(text[i + 1])) i += 1
    else if (text[i] === "{") open.push(i)
    else if (text[i] === "}") {
      const from = open.pop()
      if (from === undefined) continue
      partners.set(from, i)
      partners.set(i, from)
    }
  }
  return partners
}

function isBrace(sign: string | undefined): boolean {
  return sign === "{" || sign === "}"
}

/**
 * Chooses options as sd-scripts does, where a group in a group breaks: `{a|{b|c}}` has the options `a` and `{b`.
 *
 * Source: sd-scripts `library/train_util.py`, `process_caption`.
 */
export function chooseOptionsAsSdScripts(text: string, random: Pick<CaptionRandom, "choice">): string {
  let [open, close] = ["⦅", "⦆"]
  while (text.includes(open) || text.includes(close)) [open, close] = [`${open}⦅`, `${close}⦆`]
  const escaped = text.replaceAll("{{", open).replaceAll("}}", close)
  let result = ""
  let from = 0
  // As the pattern `\{([^}]+)\}` finds groups, without its search from each brace anew.
  for (;;) {
    const start = escaped.indexOf("{", from)
    const end = start < 0 ? -1 : escaped.indexOf("}", start)
    if (end < 0) break
    const isEmpty = end === start + 1
    result += escaped.slice(from, isEmpty ? end : start)
    if (!isEmpty) result += random.choice(escaped.slice(start + 1, end).split("|"))
    from = isEmpty ? end : end + 1
  }
  return (result + escaped.slice(from)).replaceAll(open, "{").replaceAll(close, "}")
}
