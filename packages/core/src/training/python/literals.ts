/** A value that Python's `literal_eval` reads: a number, a text, a switch, None, or a list of them. */
export type Literal = number | boolean | null | string | readonly Literal[]

/**
 * Arguments of one or several texts, `name=value` each. All of them may stand in one text.
 *
 * @returns the name, or "" for a text of another form, and the text of the value
 */
export function splitArguments(
  args: readonly string[],
): readonly { readonly part: string; readonly name: string; readonly text: string }[] {
  return args
    .flatMap((text) => text.trim().split(/\s+(?=\w+\s*=)/))
    .filter((part) => part !== "")
    .map((part) => {
      const [, name = "", text = ""] = /^(\w+)\s*=(.*)$/s.exec(part) ?? []
      return { part, name, text }
    })
}

/** Reads a number, a quoted text, True, False, None, or a list with or without brackets. Undefined for other text. */
export function readLiteral(text: string): Literal | undefined {
  const trimmed = text.trim()
  const [, , quoted] = /^(["'])([^"']*)\1$/s.exec(trimmed) ?? []
  if (quoted !== undefined) return quoted
  const bracketed = /^\((.*)\)$|^\[(.*)\]$/s.exec(trimmed)
  const inner = bracketed?.[1] ?? bracketed?.[2] ?? trimmed
  if (bracketed !== null || inner.includes(",")) {
    const items = inner.replace(/,\s*$/, "").split(",").map(readScalar)
    return items.some((item) => item === undefined) ? undefined : (items as readonly Literal[])
  }
  return readScalar(inner)
}

const SCALARS: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null }

function readScalar(text: string): number | boolean | null | undefined {
  const trimmed = text.trim()
  if (Object.hasOwn(SCALARS, trimmed)) return SCALARS[trimmed]
  return /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed.replaceAll("_", "")) : undefined
}

/** A value as Python writes it. */
export function pythonText(value: Literal): string {
  return value === null ? "None" : value === true ? "True" : value === false ? "False" : String(value)
}

/** A name of ours in the words of Python: `weightDecay` is `weight_decay`. */
export function pythonName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
