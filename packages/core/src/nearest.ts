import { CoreError } from "./errors.ts"

/**
 * The known name with the fewest changes from a misspelt one, or else the one that has its words and the fewest others.
 * Null if none is near.
 *
 * Source: Levenshtein distance, with exchanged neighbours as one change (Damerau).
 */
export function nearest(name: string, known: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const changes = distance(name, candidate)
    if (changes < least) {
      least = changes
      best = candidate
    }
  }
  return best ?? nearestByWords(name, known)
}

/**
 * The one name that has all words of another, or whose words it has all: `train_batch_size` for `batch_size`. Null if
 * several are as near, or for a name of one word.
 */
function nearestByWords(name: string, known: readonly string[]): string | null {
  const words = wordsOf(name)
  let [near, fewest] = [[] as string[], Number.POSITIVE_INFINITY]
  for (const candidate of known) {
    const others = wordsOf(candidate)
    const [short, long] = words.length < others.length ? [words, others] : [others, words]
    if (short.length < 2 || !isInOrder(short, long)) continue
    const more = long.length - short.length
    if (more < fewest) near = []
    if (more <= fewest) near.push(candidate)
    fewest = Math.min(fewest, more)
  }
  return near.length === 1 ? (near[0] ?? null) : null
}

function wordsOf(name: string): readonly string[] {
  return name
    .toLowerCase()
    .split(/[-_ ]+/)
    .filter((word) => word !== "")
}

/** Whether all words stand among others, in the same order. */
function isInOrder(words: readonly string[], others: readonly string[]): boolean {
  let found = 0
  for (const other of others) if (other === words[found]) found += 1
  return found === words.length
}

function distance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min((previous[j] as number) + 1, (row[j - 1] as number) + 1, (previous[j - 1] as number) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] as number) + 1)
      }
      row.push(least)
    }
    before = previous
    previous = row
  }
  return previous[b.length] as number
}

/** Names that an error lists where none is near. */
const MOST_LISTED = 40

/**
 * An error about a name that does not exist, with the nearest names, or with all of them if none is near.
 *
 * @param place the owner of the name, which begins the message
 */
export function unknownName(place: string, what: string, name: string, known: readonly string[]): CoreError {
  const near = nearest(name, known)
  const advice = near === null ? "" : ` Did you mean "${near}"?`
  const list = `${known.slice(0, MOST_LISTED).join(", ")}${known.length > MOST_LISTED ? ", …" : ""}`
  return new CoreError("option-unknown", `${place}: there is no ${what} "${name}".${advice} There are: ${list}.`)
}
