import { CoreError } from "../errors.ts"
import type { NumberRange } from "../number-range.ts"
import { isInRange, rangeText } from "../number-range.ts"

/* Readers of plain JSON. Each throws for an unexpected value, with its path. */

/** A value and its path, such as `adapters[0].strength`. */
export interface Field {
  readonly value: unknown
  readonly path: string
}

/** An error that names the field, what came and what was expected */
export function refuse({ value, path }: Field, expected: string): CoreError {
  const got =
    value === undefined
      ? "missing"
      : typeof value === "number"
        ? String(value)
        : typeof value === "bigint"
          ? String(value)
          : JSON.stringify(value)
  return new CoreError("recipe-value", `recipe: ${path} is ${got}, expected ${expected}`)
}

/** A reader of an object's fields. The object may have these fields only. */
export function readObject<Key extends string>(field: Field, keys: readonly Key[]): (key: Key) => Field {
  const { value, path } = field
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refuse(field, "an object")
  const entries = new Map<string, unknown>(Object.entries(value))
  for (const key of entries.keys()) {
    if (keys.some((known) => known === key)) continue
    const where = path === "" ? "" : ` in ${path}`
    throw new CoreError("recipe-unknown", `recipe: there is no "${key}"${where}, expected ${keys.join(", ")}`)
  }
  return (key) => ({ value: entries.get(key), path: path === "" ? key : `${path}.${key}` })
}

export function readList<T>(field: Field, read: (entry: Field) => T): readonly T[] {
  const { value, path } = field
  if (!Array.isArray(value)) throw refuse(field, "a list")
  return value.map((entry: unknown, i) => read({ value: entry, path: `${path}[${i}]` }))
}

export function readText(field: Field): string {
  if (typeof field.value !== "string") throw refuse(field, "text")
  return field.value
}

export function readNumber(field: Field, range: NumberRange = {}): number {
  const { value } = field
  if (typeof value !== "number" || !isInRange(value, range)) throw refuse(field, rangeText(range))
  return value
}

export function readFlag(field: Field): boolean {
  if (typeof field.value !== "boolean") throw refuse(field, "true or false")
  return field.value
}

export function readChoice<T extends string>(field: Field, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === field.value)
  if (found === undefined) throw refuse(field, `one of ${choices.join(", ")}`)
  return found
}

/** Reads a field, or gives the default if it is missing. */
export function readOr<T>(field: Field, fallback: T, read: (field: Field) => T): T {
  return field.value === undefined ? fallback : read(field)
}

/** A field that is left out where it is missing. */
export function given<Name extends string, T>(
  name: Name,
  field: Field,
  read: (field: Field) => T,
): { readonly [Key in Name]?: T } {
  return field.value === undefined ? {} : ({ [name]: read(field) } as { readonly [Key in Name]: T })
}
