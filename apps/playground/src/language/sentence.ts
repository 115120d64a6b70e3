import type { Messages } from "./messages.ts"

/*
 * What is said, before it is known in which language. So a sentence can be kept, sent by a worker, and shown anew when
 * the language changes. A worker needs no words.
 */

type Area = keyof Messages

/** Words that are a text, or make one of values. */
type KeyOf<In extends Area> = {
  [Key in keyof Messages[In]]: Messages[In][Key] extends string | ((...values: never) => string) ? Key : never
}[keyof Messages[In]] &
  string

/** The values of words. A text may be a sentence itself. */
type ValuesOf<Words> = Words extends (...values: infer Values) => string
  ? { readonly [Index in keyof Values]: Values[Index] | (string extends Values[Index] ? Sentence : never) }
  : readonly []

/** Words of this page, with what stands in them. */
interface OwnSentence {
  readonly kind: "own"
  readonly area: Area
  readonly key: string
  readonly values: readonly unknown[]
}

/** What a package or the browser says. It is English. */
interface ForeignSentence {
  readonly kind: "failure" | "remark"
  readonly code: string | null
  readonly english: string
}

export type Sentence = OwnSentence | ForeignSentence

/** Words of this page as a sentence. */
export function sentence<In extends Area, Key extends KeyOf<In>>(
  area: In,
  key: Key,
  ...values: ValuesOf<Messages[In][Key]>
): Sentence {
  return { kind: "own", area, key, values }
}

/** What a package says beside a result, in English. */
export function remark(english: string): Sentence {
  return { kind: "remark", code: null, english }
}

/** An error of this page, which can be said in every language. */
export class PageError extends Error {
  readonly sentence: Sentence

  constructor(said: Sentence, options?: ErrorOptions) {
    // Where it is not caught, its words are those of a program.
    super(said.kind === "own" ? `${said.area}.${said.key}` : said.english, options)
    this.sentence = said
  }
}

/** What is to be said of anything that was thrown. An error of a package has a code, and one of a browser a name. */
export function problemOf(error: unknown): Sentence {
  if (error instanceof PageError) return error.sentence
  if (!(error instanceof Error)) return { kind: "failure", code: null, english: String(error) }
  const named = "code" in error && typeof error.code === "string" ? error.code : null
  const code = error instanceof DOMException ? error.name : named
  return { kind: "failure", code, english: error.message }
}

/** A sentence, or several, in the words of a language. */
export function textOf(said: Sentence | readonly Sentence[], words: Messages): string {
  if (isList(said)) return said.map((one) => textOf(one, words)).join(words.page.space)
  if (said.kind !== "own") {
    return said.kind === "failure" ? words.page.failure(said.code, said.english) : words.page.remark(said.english)
  }
  const { area, key, values } = said
  const found = (words[area] as Readonly<Record<string, unknown>>)[key]
  const filled = values.map((value) => (isSentence(value) ? textOf(value, words) : value))
  return typeof found === "function" ? String(found(...filled)) : String(found)
}

/** What packages and the browser say in a sentence, each once, where its words do not hold it. */
export function detailsOf(said: Sentence | readonly Sentence[], words: Messages): readonly string[] {
  const text = textOf(said, words)
  return [...new Set(foreignIn(said, words))].filter((english) => !text.includes(english))
}

function foreignIn(said: unknown, words: Messages): readonly string[] {
  if (Array.isArray(said)) return said.flatMap((one) => foreignIn(one, words))
  if (!isSentence(said)) return []
  if (said.kind === "own") return said.values.flatMap((one) => foreignIn(one, words))
  return said.kind === "remark" && words.page.knowsRemark(said.english) ? [] : [said.english]
}

/** The codes of errors in a sentence, also of those that are the cause of another. */
export function codesIn(said: unknown): readonly string[] {
  if (Array.isArray(said)) return said.flatMap(codesIn)
  if (!isSentence(said)) return []
  if (said.kind === "own") return said.values.flatMap(codesIn)
  return said.code === null ? [] : [said.code]
}

/** Whether it is several sentences. */
export function isList(said: Sentence | readonly Sentence[]): said is readonly Sentence[] {
  return Array.isArray(said)
}

function isSentence(value: unknown): value is Sentence {
  return typeof value === "object" && value !== null && "kind" in value && ("area" in value || "english" in value)
}
