import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { PythonRandom } from "../random/python.ts"
import { createPythonRandom } from "../random/python.ts"
import { checkSeed, type Seed } from "../random/seed.ts"
import type { PromptOptions } from "./options.ts"

/** A prompt that was expanded, with the seed of its picture. */
export interface ExpandedPrompt {
  readonly prompt: string
  readonly seed: Seed
}

export interface ExpandOptions {
  /**
   * Lines of a wildcard, `__name__`. Null: there is no such wildcard, and it stays as it is written. Default: no
   * wildcards
   */
  readonly wildcard?: (name: string) => readonly string[] | null
  /**
   * `sd-scripts` draws for each layer of groups from the beginning, as sd-scripts does. A group in a group is then never
   * independent of it. Default: null, each draw is new
   */
  readonly compat?: PromptOptions["compat"]
}

/** The most prompts that one prompt may become, so that a mistake does not fill the memory. */
const MOST_PROMPTS = 100_000
/** Wildcards may name wildcards, this deep. */
const DEEPEST_WILDCARD = 20
/** The most characters that wildcards may make of one prompt. Each may name another one several times. */
const MOST_CHARACTERS = 2 ** 24
/** What one use of a wildcard counts beside its lines, so that uses without a line end, too. In characters. */
const CHARACTERS_OF_USE = 16

/**
 * The prompts that a dynamic prompt becomes, for pictures with these seeds.
 *
 * - `{a|b}` is one of the options. `{2$$a|b|c}` are two of them, `{1-3$$…}` one to three, `{2$$ and $$…}` joined by
 *   " and ". Without that, they are joined by ", ".
 * - `{e$$a|b}` makes a prompt of each option. With a count, a prompt of each combination.
 * - Groups may stand in groups. `\{` and `\}` are braces.
 * - `__name__` is one line of a wildcard. In a group alone, its lines are the group's options.
 *
 * The same seed chooses the same. Choices are those of sd-scripts, for groups in groups with `compat`. With an `e$$`, each
 * combination is made once for each seed.
 *
 * Source: sd-scripts `gen_img.py`, `handle_dynamic_prompt_variants`.
 *
 * @throws CoreError when a wildcard names itself, or when there are too many combinations
 */
export function expandPrompt(
  prompt: string,
  seeds: readonly Seed[],
  options: ExpandOptions = {},
): readonly ExpandedPrompt[] {
  checkArgument("prompt: the prompt", prompt, "text")
  checkArgument("prompt: the seeds", seeds, "a list")
  for (const seed of seeds) checkSeed("prompt", seed)
  checkArgument("prompt: the options", options, "an object")
  const { wildcard, compat = null } = options
  if (wildcard !== undefined) checkArgument("prompt: wildcard", wildcard, "a function")
  checkArgument("prompt: compat", compat, "text or null")
  const hidden = prompt.replaceAll("\\{", HIDDEN_OPEN).replaceAll("\\}", HIDDEN_CLOSE)
  const whole = wildcard === undefined ? hidden : withWildcards(hidden, wildcard)
  return seeds.flatMap((seed) => {
    let prompts: readonly string[] = [whole]
    let random = createPythonRandom(seed)
    // The innermost groups of all prompts first. Each pass removes one layer of braces.
    // Two equal prompts with one seed would be the same picture.
    while (prompts.some((text) => GROUP.test(text))) {
      if (compat === "sd-scripts") random = createPythonRandom(seed)
      const combined = new Set<string>()
      let made = 0
      for (const text of prompts) {
        for (const each of enumerate(text)) {
          combined.add(each)
          // Equal ones count, too: options that are all the same have as many combinations.
          if (++made > MOST_PROMPTS) throw tooMany(prompt)
        }
      }
      prompts = [...new Set(Array.from(combined, (text) => choose(text, random)))]
    }
    return prompts.map((text) => ({
      prompt: text.replaceAll(HIDDEN_OPEN, "{").replaceAll(HIDDEN_CLOSE, "}"),
      seed,
    }))
  })
}

function tooMany(prompt: string): CoreError {
  return new CoreError(
    "prompt-expansion",
    `prompt: "${prompt.slice(0, 60)}" becomes more than ${MOST_PROMPTS} prompts. Write fewer groups with "e$$".`,
  )
}

/** Whether a prompt has groups or wildcards. */
export function isDynamic(prompt: string): boolean {
  checkArgument("prompt: the prompt", prompt, "text")
  return GROUP.test(prompt.replaceAll("\\{", "").replaceAll("\\}", "")) || prompt.search(WILDCARD) >= 0
}

/** Stand for `\{` and `\}` while groups are expanded. They are of Unicode's private use area. */
const HIDDEN_OPEN = "\ue000"
const HIDDEN_CLOSE = "\ue001"

/** A group without groups inside. */
const GROUP = /\{([^{}]*)\}/
const ALL_GROUPS = /\{([^{}]*)\}/g
const WILDCARD = /__([\p{L}\p{N}_./-]*[\p{L}\p{N}])__/gu

interface Group {
  readonly isEnumerated: boolean
  readonly least: number
  readonly most: number
  readonly separator: string
  readonly options: readonly string[]
}

function readGroup(text: string): Group {
  const parts = text.split("$$")
  const isEnumerated = parts.length > 1 && parts[0]?.trim() === "e"
  if (isEnumerated) parts.shift()
  const [, first, second = first] = (parts.length > 1 && /^\s*(\d+)\s*(?:-\s*(\d+))?\s*$/.exec(parts[0] ?? "")) || []
  const isCounted = first !== undefined
  if (isCounted) parts.shift()
  const separator = isCounted && parts.length > 1 ? (parts.shift() as string) : ", "
  const options = parts.join("$$").split("|")
  const counts = isCounted ? [Number(first), Number(second)] : [1, 1]
  const limited = counts.map((count) => Math.min(count, options.length))
  return { isEnumerated, separator, options, least: Math.min(...limited), most: Math.max(...limited) }
}

/** A prompt for each combination of its innermost groups with `e$$`, one after another. The last group changes first. */
function* enumerate(prompt: string, done = ""): Generator<string, void, void> {
  const found = [...prompt.matchAll(ALL_GROUPS)].find(([, inside = ""]) => readGroup(inside).isEnumerated)
  if (found === undefined) {
    yield done + prompt
    return
  }
  const [whole, inside = ""] = found
  const before = done + prompt.slice(0, found.index)
  const after = prompt.slice(found.index + whole.length)
  const { options, least, most, separator } = readGroup(inside)
  for (let count = least; count <= most; count++) {
    for (const chosen of combinations(options, count)) yield* enumerate(after, before + chosen.join(separator))
  }
}

/** Makes a choice for every innermost group, the last group first, as sd-scripts draws. */
function choose(prompt: string, random: PythonRandom): string {
  let text = prompt
  for (const found of [...prompt.matchAll(ALL_GROUPS)].reverse()) {
    const [whole, inside = ""] = found
    const { isEnumerated, options, least, most, separator } = readGroup(inside)
    // Its own groups have just been chosen. Its turn is the next pass.
    if (isEnumerated) continue
    const chosen = random.sample(options, random.randint(least, most)).join(separator)
    text = text.slice(0, found.index) + chosen + text.slice(found.index + whole.length)
  }
  return text
}

/** Combinations of `count` entries, in the order of Python's `itertools.combinations`. */
function* combinations(list: readonly string[], count: number, from = 0): Generator<readonly string[], void, void> {
  if (count === 0) {
    yield []
    return
  }
  for (let i = from; i <= list.length - count; i++) {
    for (const rest of combinations(list, count - 1, i + 1)) yield [list[i] as string, ...rest]
  }
}

function withWildcards(
  prompt: string,
  wildcard: (name: string) => readonly string[] | null,
  path: readonly string[] = [],
  made = { characters: 0 },
): string {
  const linesOf = (name: string): string | null => {
    if (path.includes(name) || path.length > DEEPEST_WILDCARD) {
      throw new CoreError(
        "prompt-expansion",
        `prompt: the wildcard __${name}__ names itself, by way of ${[...path, name].join(", ")}. Remove one of them.`,
      )
    }
    const lines =
      wildcard(name)
        ?.map((line) => withWildcards(line, wildcard, [...path, name], made))
        .join("|") ?? null
    made.characters += CHARACTERS_OF_USE + (lines?.length ?? 0)
    if (made.characters > MOST_CHARACTERS) {
      throw new CoreError(
        "prompt-expansion",
        `prompt: the wildcard __${[...path, name][0]}__ makes more than ${MOST_CHARACTERS} characters. Name fewer wildcards in its lines.`,
      )
    }
    return lines
  }
  // A wildcard that is a group's only option gives its lines to the group.
  const inGroups = prompt.replace(
    /(\{(?:[^{}|$]*\$\$)*)__([\p{L}\p{N}_./-]*[\p{L}\p{N}])__\}/gu,
    (whole, start, name) => {
      const lines = linesOf(name)
      return lines === null ? whole : `${start}${lines}}`
    },
  )
  return inGroups.replace(WILDCARD, (whole, name) => {
    const lines = linesOf(name)
    return lines === null ? whole : `{${lines}}`
  })
}
