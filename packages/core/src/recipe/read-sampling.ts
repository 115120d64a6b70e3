import type {
  SamplerName,
  SamplerOptionInfo,
  SamplerOptionName,
  SamplerOptions,
  SpacingOptions,
  StartScale,
  TimestepSpacing,
} from "../diffusion/names.ts"
import {
  SAMPLER_NAMES,
  SAMPLER_OPTIONS,
  SPACING_NAMES,
  SPACING_RANGES,
  START_SCALES,
  samplerInfo,
  spacingOf,
  TIMESTEP_SPACINGS,
} from "../diffusion/names.ts"
import { GENERATE_DEFAULTS, GENERATE_RANGES } from "../generation/defaults.ts"
import type { HiresSampling } from "../generation/hires-fix.ts"
import { nearest } from "../nearest.ts"
import type { Field } from "./fields.ts"
import { given, readChoice, readFlag, readNumber, readObject, readOr, refuse } from "./fields.ts"
import type { Recipe } from "./recipe.ts"

type SamplingFields = Pick<Recipe, "sampler" | "spacing" | "spacingOptions" | "samplerOptions">

/** Reads the sampler and the noise levels of a recipe. @throws CoreError that names the path of the wrong field */
export function readSampling(field: (key: keyof SamplingFields) => Field): SamplingFields {
  const sampler = readOr(field("sampler"), GENERATE_DEFAULTS.sampler, (at) => readName<SamplerName>(at, SAMPLER_NAMES))
  const ownSpacing = samplerInfo(sampler)?.spacing ?? TIMESTEP_SPACINGS[0]
  return {
    sampler,
    spacing: readOr(field("spacing"), ownSpacing, readSpacing),
    spacingOptions: readOr(field("spacingOptions"), {}, readSpacingOptions),
    samplerOptions: readOr(field("samplerOptions"), {}, (at) => readSamplerOptions(at, sampler)),
  }
}

/** Reads the sampling of a second stage. All of its fields may be missing. */
export function readHiresSampling(at: Field): HiresSampling {
  const field = readObject(at, ["guidanceScale", "sampler", "spacing", "spacingOptions", "samplerOptions"])
  const sampler = field("sampler").value === undefined ? null : readName<SamplerName>(field("sampler"), SAMPLER_NAMES)
  if (sampler === null && field("samplerOptions").value !== undefined)
    throw refuse(field("samplerOptions"), "nothing without a sampler beside it")
  return {
    ...given("guidanceScale", field("guidanceScale"), (each) => readNumber(each, GENERATE_RANGES.guidanceScale)),
    ...(sampler === null ? {} : { sampler }),
    ...given("spacing", field("spacing"), readSpacing),
    ...given("spacingOptions", field("spacingOptions"), readSpacingOptions),
    ...(sampler === null
      ? {}
      : given("samplerOptions", field("samplerOptions"), (each) => readSamplerOptions(each, sampler))),
  }
}

/** A name of a long list, with the nearest one in the error. */
function readName<Name extends string>(at: Field, names: readonly Name[]): Name {
  const near = typeof at.value === "string" && !names.includes(at.value as Name) ? nearest(at.value, names) : null
  if (near !== null) throw refuse(at, `one of ${names.join(", ")}. Did you mean "${near}"?`)
  return readChoice(at, names)
}

function readSpacingOptions(at: Field): SpacingOptions {
  const names = ["sigmaMin", "sigmaMax", "rho", "alpha", "beta"] as const
  const field = readObject(at, [...names, "discardPenultimate", "startScale"])
  const numbers = names.map((name) => {
    const value = readOr<number | null>(field(name), null, (entry) => readNumber(entry, SPACING_RANGES[name]))
    return value === null ? {} : { [name]: value }
  })
  const discard = readOr<boolean | null>(field("discardPenultimate"), null, readFlag)
  const startScale = readOr<StartScale | null>(field("startScale"), null, (entry) => readChoice(entry, START_SCALES))
  return Object.assign(
    {},
    ...numbers,
    discard === null ? {} : { discardPenultimate: discard },
    startScale === null ? {} : { startScale },
  )
}

/** A spacing by its first name. Recipes may have a second name, or a former one. */
function readSpacing(at: Field): TimestepSpacing {
  const known = typeof at.value === "string" ? spacingOf(at.value) : null
  return known ?? (readName(at, SPACING_NAMES) as TimestepSpacing)
}

function readSamplerOptions(at: Field, sampler: SamplerName): SamplerOptions {
  const taken = Object.keys(samplerInfo(sampler)?.options ?? {}) as SamplerOptionName[]
  if (taken.length === 0 && typeof at.value === "object" && at.value !== null && Object.keys(at.value).length > 0) {
    throw refuse(at, `nothing: "${sampler}" takes no options`)
  }
  const field = readObject(at, taken)
  const read = (name: SamplerOptionName): number | string | null =>
    readOr<number | string | null>(field(name), null, (entry) => {
      const info: SamplerOptionInfo = SAMPLER_OPTIONS[name]
      return "choices" in info ? readChoice(entry, info.choices) : readNumber(entry, info)
    })
  const given = taken.map((name) => [name, read(name)] as const).filter(([, value]) => value !== null)
  return Object.fromEntries(given) as SamplerOptions
}
