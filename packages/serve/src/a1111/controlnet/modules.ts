import type { Preprocessing, PreprocessorOption } from "@lllite/core/image"
import { PREPROCESSOR_NAMES, preprocessorName, preprocessorOf } from "@lllite/core/image"
import { A1111Error } from "../refusal.ts"

/* Preprocessors as sd-webui-controlnet names and describes them. */

/** No preprocessor. */
export const NONE = "none"

/** The names of preprocessors, in the order of lists. */
export const MODULE_NAMES: readonly string[] = [NONE, ...PREPROCESSOR_NAMES]

/** A control in the extension's page, in its form. */
export interface Slider {
  readonly name: string
  readonly value: number
  readonly min: number
  readonly max: number
}

/** The resolution that a unit has if it names none. */
const RESOLUTION: Slider = { name: "Preprocessor Resolution", value: 512, min: 64, max: 2048 }

/** The values of a unit, or of `detect`. Missing, or outside of its range: the default. */
export interface ModuleValues {
  readonly resolution: number | null
  readonly thresholds: readonly (number | null)[]
}

/**
 * A preprocessor by the extension's name, such as `canny` or `invert (from white bg & black line)`. Null: none.
 *
 * @param isWholeSize whether the picture keeps its size, as with `pixel_perfect`
 * @throws A1111Error for a preprocessor that needs a network, or that there is not
 */
export function moduleOf(text: string, values: ModuleValues, isWholeSize: boolean): Preprocessing | null {
  const name = text.replace(/ \(.*\)$/, "").trim()
  if (name.toLowerCase() === NONE || name === "") return null
  const kind = preprocessorName(name)
  if (kind === null) {
    throw new A1111Error(
      422,
      `Module not available: ${JSON.stringify(text.slice(0, 80))}. Expected one of ${MODULE_NAMES.join(", ")}. Send the picture that it makes, with the module none.`,
    )
  }
  const { options } = preprocessorOf(kind)
  const given: Record<string, number> = {}
  for (const [i, [option]] of thresholdsOf(kind).entries()) {
    const value = values.thresholds[i] ?? null
    if (value !== null && isInside(options[option], value)) given[option] = value
  }
  if (Object.hasOwn(options, "resolution") && !isWholeSize) {
    const { resolution } = values
    const isGiven = resolution !== null && resolution >= RESOLUTION.min && resolution <= RESOLUTION.max
    given.resolution = isGiven ? Math.round(resolution) : RESOLUTION.value
  }
  return Object.keys(given).length === 0 ? { kind } : { kind, options: given }
}

/** The sliders of a module. */
export function slidersOf(name: string): readonly Slider[] {
  const kind = preprocessorName(name)
  if (kind === null) return []
  const sized = Object.hasOwn(preprocessorOf(kind).options, "resolution") ? [RESOLUTION] : []
  const others = thresholdsOf(kind).map(([option, { default: value, min = 0, max = value }]) => ({
    ...{ name: option, value, min, max },
  }))
  return [...sized, ...others]
}

interface NumberOption {
  readonly default: number
  readonly min?: number
  readonly max?: number
}

/** The options that the extension's first two sliders set, in its order. */
function thresholdsOf(
  kind: NonNullable<ReturnType<typeof preprocessorName>>,
): readonly (readonly [string, NumberOption])[] {
  return Object.entries(preprocessorOf(kind).options).flatMap(([name, option]) =>
    name === "resolution" || name === "seed" || typeof option.default !== "number"
      ? []
      : [[name, option as NumberOption] as const],
  )
}

function isInside(option: PreprocessorOption | undefined, value: number): boolean {
  if (option === undefined || typeof option.default === "boolean" || value < 0) return false
  const { min, max, above, integer } = option as {
    readonly min?: number
    readonly max?: number
    readonly above?: number
    readonly integer?: true
  }
  if (integer === true && !Number.isSafeInteger(value)) return false
  return value >= (min ?? 0) && value > (above ?? -1) && value <= (max ?? Number.POSITIVE_INFINITY)
}
