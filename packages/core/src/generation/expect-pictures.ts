import { valueText } from "../argument.ts"
import { CoreError } from "../errors.ts"

/**
 * Checks that a value is a picture, or a list of pictures. Programs without types pass paths, and promises of pictures.
 *
 * @param what the value in errors, such as `a control image`
 * @throws CoreError that says what came instead
 */
export function expectPictures(given: unknown, what: string): void {
  for (const each of Array.isArray(given) ? (given as readonly unknown[]) : [given]) {
    const problem = problemOf(each)
    if (problem === null) continue
    throw new CoreError(
      "picture-data",
      `generate: ${what} is ${problem}, expected { width, height, data }, as readImage gives it.`,
    )
  }
}

function problemOf(value: unknown): string | null {
  if (typeof value === "string" || value instanceof URL) return `the address or path ${JSON.stringify(String(value))}`
  if (typeof value !== "object" || value === null || value instanceof Promise) return valueText(value)
  const { width, height, data } = value as Readonly<Record<string, unknown>>
  if (typeof width !== "number" || typeof height !== "number") return "an object without width and height"
  if (ArrayBuffer.isView(data)) return null
  return "an object without data"
}
