import { checkArgument, checkOptions, type OptionKinds } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { RgbImage } from "../../image.ts"
import { channelsOf, expectRgb, greyToRgb } from "../../image.ts"
import { isInRange, rangeText } from "../../number-range.ts"
import type { Preprocessor, PreprocessorOption, PreprocessorValues } from "./preprocessor.ts"
import type { PreprocessorName } from "./table.ts"
import { PREPROCESSOR_NAMES, PREPROCESSORS } from "./table.ts"

/** A preprocessor with values for its options. What is left out has its default. */
export interface Preprocessing {
  readonly kind: PreprocessorName
  readonly options?: PreprocessorValues
}

/**
 * Turns a picture into a control picture. The result has the picture's size, except for `tile_resample`, `color_grid`
 * and a `resolution`.
 *
 * Source: the preprocessors of sd-webui-controlnet 56cec5b that need no network.
 *
 * @throws CoreError for an unknown kind or option, for a value out of its range, or for a picture that is too large
 */
export function preprocess(image: RgbImage, preprocessing: Preprocessing): RgbImage {
  checkOptions("preprocess", preprocessing, KINDS, ["kind"])
  const { kind, options = {} } = preprocessing
  expectRgb(image)
  const preprocessor = preprocessorOf(kind)
  const result = preprocessor.run(image, completeValues(preprocessor, readPreprocessorValues(kind, options)))
  return channelsOf(result) === 3 ? result : greyToRgb(result)
}

const KINDS: OptionKinds<Preprocessing> = { kind: "text", options: "an object" }

/** Checks a preprocessor and its options. @throws CoreError that names the first wrong one */
export function checkPreprocessing(preprocessing: Preprocessing): void {
  checkOptions("preprocess", preprocessing, KINDS, ["kind"])
  const { kind, options = {} } = preprocessing
  readPreprocessorValues(kind, options)
}

/** A preprocessor by its name. @throws CoreError for an unknown name */
export function preprocessorOf(kind: string): Preprocessor {
  const name = PREPROCESSOR_NAMES.find((each) => each === kind)
  if (name !== undefined) return PREPROCESSORS[name] as unknown as Preprocessor
  throw new CoreError(
    "option-unknown",
    `preprocess: there is no "${String(kind)}", expected one of ${PREPROCESSOR_NAMES.join(", ")}`,
  )
}

/** The name that a text means: the name itself, with dashes or underscores, or an alias. Null if there is none. */
export function preprocessorName(text: string): PreprocessorName | null {
  checkArgument("preprocess: the preprocessor", text, "text")
  const plain = text.toLowerCase().replaceAll("-", "_")
  const found = PREPROCESSOR_NAMES.find(
    (name) => name === plain || (PREPROCESSORS[name] as unknown as Preprocessor).aliases?.includes(plain),
  )
  return found ?? null
}

/**
 * Checks values, leaves out those that are their defaults, and sorts the others as the table of their kind has them.
 *
 * @throws CoreError that names the first wrong one
 */
export function readPreprocessorValues(kind: PreprocessorName, values: PreprocessorValues): PreprocessorValues {
  checkArgument("preprocess: the options", values, "an object")
  const { options } = preprocessorOf(kind)
  const names = Object.keys(options)
  const read: Record<string, number | boolean | null> = {}
  for (const [name, value] of Object.entries(values)) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    if (option === undefined) {
      const expected = names.length === 0 ? "no options" : names.join(", ")
      throw new CoreError("option-unknown", `preprocess: ${kind} has no option "${name}", expected ${expected}`)
    }
    const problem = problemOf(option, value)
    if (problem !== null) throw new CoreError("option-range", `preprocess: ${name} of ${kind} is ${problem}`)
    if (value !== option.default) read[name] = value
  }
  return Object.fromEntries(names.flatMap((name) => (Object.hasOwn(read, name) ? [[name, read[name] ?? null]] : [])))
}

function problemOf(option: PreprocessorOption, value: unknown): string | null {
  const shown = typeof value === "string" ? `"${value}"` : String(value)
  if (typeof option.default === "boolean") {
    return typeof value === "boolean" ? null : `${shown}, expected true or false`
  }
  if (value === null && option.default === null) return null
  return isInRange(value, option as Exclude<PreprocessorOption, { default: boolean }>)
    ? null
    : `${shown}, expected ${rangeText(option as Exclude<PreprocessorOption, { default: boolean }>)}`
}

function completeValues({ options }: Preprocessor, values: PreprocessorValues) {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, name in values ? values[name] : option.default]),
  ) as never
}
