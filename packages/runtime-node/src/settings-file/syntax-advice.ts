import { openBracketBefore } from "./open-bracket.ts"

/** A mistake in a line of TOML, found by what the line looks like. */
interface Mistake {
  /** Tests the value of the line, or the whole line if it has no `=`. */
  readonly test: RegExp
  readonly advice: string
}

const IN_VALUES: readonly Mistake[] = [
  {
    test: /^["“][^"]*\\/,
    advice: "In double quotes, a backslash begins an escape. Write / instead of it, or use single quotes.",
  },
  { test: /[“”„«»＂‘’‚]/, advice: 'Use straight quotes: "…".' },
  { test: /^(True|TRUE)\b/, advice: "Write true." },
  { test: /^(False|FALSE)\b/, advice: "Write false." },
  { test: /^(None|null|nil|Null|NULL|undefined)\b/, advice: "TOML has no empty value. Leave the line out." },
  { test: /^(NaN|Infinity|-Infinity)\b/, advice: "Write a number." },
  { test: /^(yes|no|on|off)\s*(#|$)/i, advice: "Write true or false." },
  { test: /^[-+]?\.\d/, advice: "Write a digit before the point: 0.5." },
  { test: /^[-+]?\d+\.([eE]|\s*(#|$))/, advice: "Write a digit after the point: 5.0." },
  { test: /^[-+]?0\d/, advice: "Leave out zeros at the beginning of the number." },
  { test: /^[-+]?\d{1,3}(,\d{3})+\s*(#|$)/, advice: "Write the number without commas." },
  { test: /,\s*(#|$)/, advice: "Leave out the comma at the end of the line." },
  { test: /;\s*$/, advice: "Leave out the semicolon at the end of the line." },
  { test: /\s(\/\/|--|;|')/, advice: "Comments begin with #." },
  { test: /^("[^"]*|'[^']*)$/, advice: "The quote is not closed in this line." },
  { test: /^\[[^\]]*$/, advice: "Is a bracket ] missing?" },
  { test: /^\(/, advice: "Write a list in square brackets: [512, 768]." },
  { test: /^\S+\s*(#|$)/, advice: 'Put text into quotes: "…".' },
  { test: /^[^"'[{\d]/, advice: 'Put text into quotes: "…".' },
  { test: /^$/, advice: "Write a value after the =, or leave the line out." },
]

const WITHOUT_EQUALS: readonly Mistake[] = [
  { test: /^\s*(\/\/|;|--\s|\/\*|%|rem\s)/i, advice: "Comments begin with #." },
  { test: /^\s*[{}<]/, advice: "This is not a line of TOML, which is: name = value." },
  { test: /^\s*\[/, advice: "The name of a table stands between [ and ], and of a list of tables between [[ and ]]." },
  { test: /./, advice: "Write: name = value." },
]

/**
 * What to do about a text that is not valid TOML, as a sentence. Null where nothing is known.
 *
 * @param number of the line where the reader stopped, from 1
 */
export function syntaxAdvice(text: string, number: number, reason: string): string | null {
  const open = /expected comma/i.test(reason) ? openBracketBefore(text, number) : null
  // The line where the reader stops is right then, as a rule.
  if (open !== null && open.line < number) {
    return `The bracket ${open.bracket} of line ${open.line} is not closed, or a comma is missing before line ${number}.`
  }
  return lineAdvice(text.split(/\r?\n/)[number - 1] ?? "", reason)
}

function lineAdvice(line: string, reason: string): string | null {
  if (/redefine|already defined|duplicate/i.test(reason)) return "A name or table appears twice. Keep one."
  if (/nested/i.test(reason)) return "Brackets stand in brackets too often. Is the file one of settings?"
  const control = [...line].find((character) => character !== "\t" && /\p{Cc}/u.test(character))
  if (control !== undefined) {
    return `The line has the control character U+${control.codePointAt(0)?.toString(16).padStart(4, "0").toUpperCase()}. Remove it.`
  }
  const equals = line.indexOf("=")
  const isTable = line.trimStart().startsWith("[")
  const [value, mistakes] = equals < 0 || isTable ? [line, WITHOUT_EQUALS] : [line.slice(equals + 1).trim(), IN_VALUES]
  return mistakes.find(({ test }) => test.test(value))?.advice ?? null
}
