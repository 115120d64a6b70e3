/**
 * The lines of a TOML text's keys, from 1, by their paths: `seed`, `general.resolution`, `datasets[0].subsets[1].image_dir`.
 * Tables have lines, too. Keys inside of values have none. The text must be valid TOML.
 */
export function keyLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  const counts = new Map<string, number>()
  let table = ""
  let line = 1
  let at = 0
  /** Moves to the end of the line, or of the value that began in it. */
  const skip = (): void => {
    let depth = 0
    while (at < text.length && (depth > 0 || text[at] !== "\n")) {
      const rest = text.slice(at, at + 3)
      const quote = rest === '"""' || rest === "'''" ? rest : rest[0] === '"' || rest[0] === "'" ? rest[0] : null
      if (quote !== null) at = endOfString(text, at, quote)
      else if (text[at] === "#") at = endOfLine(text, at) - 1
      else if (text[at] === "[" || text[at] === "{") depth += 1
      else if (text[at] === "]" || text[at] === "}") depth -= 1
      at += 1
    }
  }
  while (at < text.length) {
    const end = endOfLine(text, at)
    const content = text.slice(at, end)
    const [, brackets, name] = /^\s*(\[\[?)([^\]]+)\]/.exec(content) ?? []
    const [, key] = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/.exec(content) ?? []
    const from = at
    if (brackets !== undefined && name !== undefined) {
      const path = nameParts(name)
      const parent = path.slice(0, -1).reduce((before, part) => lastOf(join(before, part), counts), "")
      const tablePath = join(parent, path.at(-1) ?? "")
      if (brackets === "[[") counts.set(tablePath, (counts.get(tablePath) ?? -1) + 1)
      table = lastOf(tablePath, counts)
      if (!lines.has(table)) lines.set(table, line)
      at = end
    } else {
      if (key !== undefined) lines.set(nameParts(key).reduce(join, table), line)
      skip()
    }
    line += text.slice(from, at + 1).split("\n").length - 1
    at += 1
  }
  return lines
}

function join(parent: string, name: string): string {
  return parent === "" ? name : `${parent}.${name}`
}

/** The last table of a list of tables, or the table itself. */
function lastOf(path: string, counts: ReadonlyMap<string, number>): string {
  const count = counts.get(path)
  return count === undefined ? path : `${path}[${count}]`
}

function nameParts(name: string): readonly string[] {
  return [...name.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "")
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from)
  return end < 0 ? text.length : end
}

/** The position of a string's last quote. */
function endOfString(text: string, from: number, quote: string): number {
  let at = from + quote.length
  while (at < text.length) {
    if (text.startsWith(quote, at)) return at + quote.length - 1
    at += quote.startsWith('"') && text[at] === "\\" ? 2 : 1
  }
  return text.length
}
