import { CoreError } from "./errors.ts"
import { unknownName } from "./nearest.ts"

/** A table without the types that its functions find, which TypeScript before 5.7 cannot read in declarations. */
const kindTable = <Name extends string>(
  table: Readonly<Record<Name, (value: unknown) => boolean>>,
): Readonly<Record<Name, (value: unknown) => boolean>> => table

/** What arguments and options are. The words stand in messages. */
const KINDS = kindTable({
  text: isOf("string"),
  "a number": isOf("number"),
  "a finite number": (value) => Number.isFinite(value),
  "a number or a bigint": (value) => typeof value === "number" || typeof value === "bigint",
  "a number or a list": (value) => typeof value === "number" || Array.isArray(value),
  "true or false": isOf("boolean"),
  "a function": isOf("function"),
  "a list": (value) => Array.isArray(value),
  "a list of numbers": (value) => Array.isArray(value) || ArrayBuffer.isView(value),
  "a list of texts": (value) => Array.isArray(value) && value.every((each) => typeof each === "string"),
  bytes: (value) => value instanceof Uint8Array,
  "float32 values": (value) => value instanceof Float32Array,
  "a Map": (value) => isObject(value) && typeof (value as Partial<ReadonlyMap<string, unknown>>).get === "function",
  "a tensor": (value) => isObject(value) && Array.isArray((value as { readonly shape?: unknown }).shape),
  "an object": isObject,
  "an AbortSignal": (value) => isObject(value) && typeof (value as Partial<AbortSignal>).throwIfAborted === "function",
  /** What is checked where it is used. */
  anything: () => true,
})

/** What an argument or an option is. */
export type ArgumentKind = keyof typeof KINDS

/** The kind of every option of an interface. A compiler refuses a table that lacks one. */
export type OptionKinds<Options> = {
  readonly [Name in keyof Required<Options>]: null extends Options[Name] ? `${ArgumentKind} or null` : ArgumentKind
}

/**
 * A value in words, for messages: `undefined`, `the text "x"`, `a promise that was not awaited`. A text is cut after 120
 * characters.
 */
export function valueText(value: unknown): string {
  if (typeof value === "string") {
    return `the text ${JSON.stringify(value.length <= 120 ? value : `${value.slice(0, 120)}…`)}`
  }
  if (value instanceof Promise) return "a promise that was not awaited"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "function") return "a function"
  return isObject(value) ? "another object" : String(value)
}

/**
 * Checks the kind of an argument, which a program without types may forget, mistake or not await.
 *
 * @param what the argument, which begins the message
 * @throws CoreError `argument` that says what came instead; `option-missing` for one that is missing
 */
export function checkArgument(what: string, value: unknown, kind: ArgumentKind | `${ArgumentKind} or null`): void {
  if (value === null && kind.endsWith(" or null")) return
  const known = kind.replace(/ or null$/, "") as ArgumentKind
  if (KINDS[known](value)) return
  if (value === undefined) throw new CoreError("option-missing", `${what} is missing, expected ${kind}`)
  throw new CoreError("argument", `${what} is ${valueText(value)}, expected ${kind}`)
}

/** Checks arguments of one kind, by their names. @throws CoreError as {@link checkArgument}, for the first wrong one */
export function checkArguments(place: string, kind: ArgumentKind, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) checkArgument(`${place}: ${name}`, value, kind)
}

/**
 * Checks a value that another function gives, by a part that only such a value has.
 *
 * @param what the argument, which begins the message
 * @param giver the function
 * @throws CoreError `argument` that says what came instead; `option-missing` for one that is missing
 */
export function checkGiven(what: string, value: unknown, part: string, giver: string): void {
  if (isObject(value) && ((value as Readonly<Record<string, unknown>>)[part] ?? null) !== null) return
  const expected = `expected what ${giver} gives`
  if (value === undefined) throw new CoreError("option-missing", `${what} is missing, ${expected}`)
  throw new CoreError("argument", `${what} is ${valueText(value)}, ${expected}`)
}

/**
 * Checks the names of options, and what they are. Options that are undefined count as left out. The values are checked
 * where they are used.
 *
 * @param place the owner of the options, which begins the message
 * @param needed names of options that cannot be left out
 * @throws CoreError `argument` for options that are not an object, and for one of another kind; `option-unknown` for a
 * name that no option has, with the nearest one
 */
export function checkOptions<Options extends object>(
  place: string,
  options: unknown,
  kinds: OptionKinds<Options>,
  needed: readonly (keyof Options & string)[] = [],
): asserts options is Options {
  checkArgument(`${place}: the argument`, options, "an object")
  for (const [name, value] of Object.entries(options as object)) {
    if (value !== undefined && !Object.hasOwn(kinds, name)) throw unknownName(place, "option", name, Object.keys(kinds))
  }
  checkKinds<Options>(place, options, kinds, needed)
}

/**
 * Checks what the options are, as {@link checkOptions} does, and passes over other names: those of a larger object.
 *
 * @throws CoreError `argument`; `option-missing` for one that cannot be left out
 */
export function checkKinds<Options extends object>(
  place: string,
  options: unknown,
  kinds: OptionKinds<Options>,
  needed: readonly (keyof Options & string)[] = [],
): asserts options is Options {
  checkArgument(`${place}: the argument`, options, "an object")
  const known: Readonly<Record<string, ArgumentKind | `${ArgumentKind} or null`>> = kinds
  for (const [name, kind] of Object.entries(known)) {
    const value: unknown = (options as Options)[name as keyof Options]
    if (value !== undefined || needed.some((each) => each === name)) checkArgument(`${place}: ${name}`, value, kind)
  }
}

/** Checks a value that is a name of a list, if it is given. @throws CoreError `option-unknown`, with the nearest name */
export function checkChoice(place: string, what: string, value: unknown, known: readonly string[]): void {
  if (value !== undefined && !known.some((name) => name === value)) throw unknownName(place, what, String(value), known)
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Promise)
}

function isOf(type: string): (value: unknown) => boolean {
  return (value) => typeof value === type
}
