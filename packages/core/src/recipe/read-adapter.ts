import { CONTROL_TYPE_NAMES } from "@lllite/format/identify"
import { type Preprocessing, readPreprocessorValues } from "../control/preprocessors/preprocess.ts"
import type { PreprocessorValues } from "../control/preprocessors/preprocessor.ts"
import { PREPROCESSOR_NAMES } from "../control/preprocessors/table.ts"
import { CoreError } from "../errors.ts"
import { checkBlockStrengths } from "../generation/block-strengths.ts"
import { GENERATE_DEFAULTS, GENERATE_RANGES } from "../generation/defaults.ts"
import type { CurvePoint } from "../generation/window.ts"
import { WINDOW_COUNTS } from "../generation/window.ts"
import { DEFAULT_FIT, FITS } from "../image/fit.ts"
import type { Field } from "./fields.ts"
import { given, readChoice, readList, readNumber, readObject, readOr, refuse } from "./fields.ts"
import { readFile } from "./read-file.ts"
import type { AdapterRecipe, HoleReference, MaskReference, WindowRecipe } from "./recipe.ts"
import { ADAPTER_KINDS } from "./recipe.ts"
import { MASK_CHANNELS } from "./start-recipe.ts"

/** Reads an adapter of a recipe. @throws CoreError that names the path of the wrong field */
export function readAdapter(at: Field): AdapterRecipe {
  const field = readObject(at, [...COMMON, ...OF_LLLITE, ...OF_CONTROL_NET])
  const kind = readOr(field("kind"), ADAPTER_KINDS[0], (entry) => readChoice(entry, ADAPTER_KINDS))
  for (const name of kind === "lllite" ? OF_CONTROL_NET : OF_LLLITE) {
    if (field(name).value !== undefined)
      throw refuse(field(name), `nothing: an adapter of kind "${kind}" has no ${name}`)
  }
  return {
    kind,
    file: readFile(field("file")),
    control: readOr(field("control"), null, (entry) => (entry.value === null ? null : readControl(entry))),
    strength: readOr(field("strength"), GENERATE_DEFAULTS.strength, readStrength),
    window: readOr(field("window"), { start: 0, end: 1 }, readWindow),
    ...given("curve", field("curve"), readCurve),
    ...given("blocks", field("blocks"), readBlocks),
    ...given("guidance", field("guidance"), readGuidance),
    ...given("mask", field("mask"), readMask),
    ...given("hole", field("hole"), readHole),
    ...given("guessMode", field("guessMode"), readFlag),
    ...given("controlType", field("controlType"), (entry) => readChoice(entry, CONTROL_TYPE_NAMES)),
  }
}

const COMMON = ["kind", "file", "control", "strength", "window", "curve", "guidance", "mask"] as const
const OF_LLLITE = ["blocks", "hole"] as const
const OF_CONTROL_NET = ["guessMode", "controlType"] as const

function readFlag(at: Field): boolean {
  if (typeof at.value !== "boolean") throw refuse(at, "true or false")
  return at.value
}

const readStrength = (at: Field): number => readNumber(at, GENERATE_RANGES.strength)

function readControl(at: Field): NonNullable<AdapterRecipe["control"]> {
  const field = readObject(at, ["file", "fit", "preprocess"])
  return {
    file: readFile(field("file")),
    fit: readOr(field("fit"), DEFAULT_FIT, (entry) => readChoice(entry, FITS)),
    ...given("preprocess", field("preprocess"), readPreprocess),
  }
}

function readPreprocess(at: Field): Preprocessing {
  const field = readObject(at, ["kind", "options"])
  const kind = readChoice(field("kind"), PREPROCESSOR_NAMES)
  const { value = {} } = field("options")
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refuse(field("options"), "an object")
  try {
    const options = readPreprocessorValues(kind, value as PreprocessorValues)
    return Object.keys(options).length === 0 ? { kind } : { kind, options }
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause
    const problem = cause.message.replace(/^preprocess: /, "")
    throw new CoreError("recipe-value", `recipe: ${field("options").path}: ${problem}`, { cause })
  }
}

function readWindow(at: Field): WindowRecipe {
  const field = readObject(at, ["start", "end", "ease", "by"])
  const start = readOr(field("start"), 0, (entry) => readNumber(entry, GENERATE_RANGES.window))
  const end = readOr(field("end"), 1, (entry) => readNumber(entry, GENERATE_RANGES.window))
  if (start > end) throw refuse(at, "a start that is not after the end")
  return {
    ...{ start, end },
    ...given("ease", field("ease"), (entry) => readNumber(entry, GENERATE_RANGES.ease)),
    ...given("by", field("by"), (entry) => readChoice(entry, WINDOW_COUNTS)),
  }
}

function readCurve(at: Field): readonly CurvePoint[] {
  const points = readList(at, (entry): CurvePoint => {
    const field = readObject(entry, ["at", "sigma", "strength"])
    const strength = readStrength(field("strength"))
    const [part, sigma] = [field("at"), field("sigma")]
    if ((part.value === undefined) === (sigma.value === undefined)) throw refuse(entry, "either at or sigma")
    return sigma.value === undefined
      ? { at: readNumber(part, GENERATE_RANGES.window), strength }
      : { sigma: readNumber(sigma, GENERATE_RANGES.sigma), strength }
  })
  if (points.length === 0) throw refuse(at, "at least one point")
  return points
}

function readBlocks(at: Field): NonNullable<AdapterRecipe["blocks"]> {
  const { value } = at
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refuse(at, "an object")
  const factors = Object.entries(value).map(
    ([key, factor]: [string, unknown]) => [key, readStrength({ value: factor, path: `${at.path}["${key}"]` })] as const,
  )
  const blocks = Object.fromEntries(factors)
  try {
    checkBlockStrengths(at.path, blocks)
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause
    throw new CoreError("recipe-value", `recipe: ${cause.message}`, { cause })
  }
  return blocks
}

function readGuidance(at: Field): NonNullable<AdapterRecipe["guidance"]> {
  const field = readObject(at, ["cond", "uncond"])
  return { cond: readOr(field("cond"), 1, readStrength), uncond: readOr(field("uncond"), 1, readStrength) }
}

function readMask(at: Field): MaskReference {
  const field = readObject(at, ["file", "channel", "feather"])
  return {
    file: readFile(field("file")),
    ...given("channel", field("channel"), (entry) => readChoice(entry, MASK_CHANNELS)),
    feather: readOr(field("feather"), 0, (entry) => readNumber(entry, GENERATE_RANGES.feather)),
  }
}

function readHole(at: Field): HoleReference {
  const field = readObject(at, ["file", "channel"])
  return {
    file: readFile(field("file")),
    ...given("channel", field("channel"), (entry) => readChoice(entry, MASK_CHANNELS)),
  }
}
