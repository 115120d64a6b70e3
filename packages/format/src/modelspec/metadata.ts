import { expectArgument, expectMap } from "../argument.ts"
import { FormatError } from "../errors.ts"

/** `modelspec.architecture` of an SDXL LLLite. */
export const LLLITE_ARCHITECTURE = "stable-diffusion-xl-v1-base/control-net-lllite"

/** `modelspec.implementation` of an SDXL LLLite. */
export const LLLITE_IMPLEMENTATION = "https://github.com/Stability-AI/generative-models"

/** Version of the ModelSpec that is written. */
export const MODEL_SPEC_VERSION = "1.0.1"

/** The quantity that a model predicts: the noise, or the velocity. */
export type PredictionType = "epsilon" | "v"

/**
 * An LLLite's description in the file's metadata. The title is required, and all other fields are optional.
 * Source: https://github.com/Stability-AI/ModelSpec; sd-scripts `library/sai_model_spec.py`.
 */
export interface LlliteSpec {
  readonly title: string
  /**
   * ISO 8601, to the second and without zone in the reference: `2026-01-02T03:04:05`. This package never reads the
   * clock. Without a date, the same training gives the same bytes on any day, but a required key of the specification
   * is missing.
   */
  readonly date?: string
  /** The resolution of its training in pixels. Default: 1024 x 1024. */
  readonly resolution?: { readonly width: number; readonly height: number }
  /** The base model's prediction. Default: `epsilon`. */
  readonly predictionType?: PredictionType
  /** The program that trained it, with its version. */
  readonly implementationVersion?: string
  readonly description?: string
  readonly author?: string
  readonly license?: string
  readonly usageHint?: string
  /** An image as a data URL. */
  readonly thumbnail?: string
  readonly tags?: string
  readonly mergedFrom?: string
  readonly triggerPhrase?: string
  /** The preprocessor of its control images, for example `canny`. */
  readonly preprocessor?: string
  /** The timesteps of its training, [from, to]. Default: all. */
  readonly timestepRange?: readonly [number, number]
  /** The layer of the text encoder that gave the text, counted from the last. */
  readonly encoderLayer?: number
}

/** The description in a file's metadata, with the fields that exist and are readable. */
export interface ParsedLlliteSpec extends Partial<LlliteSpec> {
  readonly architecture?: string
  readonly implementation?: string
  readonly specVersion?: string
  /** Keys of `modelspec.*` whose value does not have the form of the specification. Their text is in the metadata. */
  readonly unreadable: readonly string[]
}

const PREFIX = "modelspec."

/** Fields that are plain text, with their keys. */
const TEXT_FIELDS = {
  architecture: "architecture",
  implementation: "implementation",
  specVersion: "sai_model_spec",
  title: "title",
  description: "description",
  author: "author",
  date: "date",
  implementationVersion: "implementation_version",
  license: "license",
  usageHint: "usage_hint",
  thumbnail: "thumbnail",
  tags: "tags",
  mergedFrom: "merged_from",
  triggerPhrase: "trigger_phrase",
  preprocessor: "preprocessor",
} as const

/**
 * The metadata that the reference's trainer writes for an SDXL LLLite, in its order.
 *
 * @throws FormatError `write-input` when a field does not have the form of the specification
 */
export function buildLlliteMetadata(spec: LlliteSpec): ReadonlyMap<string, string> {
  expectArgument(typeof spec?.title === "string", "title", spec?.title, "text")
  const { width, height } = spec.resolution ?? { width: 1024, height: 1024 }
  const predictionType = spec.predictionType ?? "epsilon"
  check(spec.title.trim() !== "", "title is empty, expected a name for people")
  check(
    spec.date === undefined || isIsoDate(spec.date),
    `date is "${spec.date}", expected ISO 8601 such as 2026-01-02T03:04:05`,
  )
  check(isPositive(width) && isPositive(height), `resolution is ${width} x ${height}, expected whole pixels`)
  check(predictionType === "epsilon" || predictionType === "v", `predictionType is "${predictionType}"`)
  const entries: [string, string | undefined][] = [
    ["architecture", LLLITE_ARCHITECTURE],
    ["implementation", LLLITE_IMPLEMENTATION],
    ["title", spec.title],
    ["resolution", `${width}x${height}`],
    ["sai_model_spec", MODEL_SPEC_VERSION],
    ["description", spec.description],
    ["author", spec.author],
    ["date", spec.date],
    ["implementation_version", spec.implementationVersion],
    ["license", spec.license],
    ["usage_hint", spec.usageHint],
    ["thumbnail", spec.thumbnail],
    ["tags", spec.tags],
    ["merged_from", spec.mergedFrom],
    ["trigger_phrase", spec.triggerPhrase],
    ["prediction_type", predictionType],
    ["timestep_range", rangeText(spec.timestepRange)],
    ["encoder_layer", encoderLayerText(spec.encoderLayer)],
    ["preprocessor", spec.preprocessor],
  ]
  const metadata = new Map<string, string>()
  for (const [key, value] of entries) if (value !== undefined) metadata.set(PREFIX + key, value)
  return metadata
}

/**
 * Reads `modelspec.*` from a file's metadata. People edit metadata, so this function refuses nothing. It lists the keys
 * that it cannot read.
 */
export function parseLlliteMetadata(metadata: ReadonlyMap<string, string>): ParsedLlliteSpec {
  expectMap("the metadata", metadata)
  const unreadable: string[] = []
  const parsed: Mutable<ParsedLlliteSpec> = { unreadable }
  const structured = <T>(key: string, parse: (value: string) => T | undefined): T | undefined => {
    const value = metadata.get(PREFIX + key)
    const result = value === undefined ? undefined : parse(value)
    if (value !== undefined && result === undefined) unreadable.push(PREFIX + key)
    return result
  }
  for (const [field, key] of Object.entries(TEXT_FIELDS) as [keyof typeof TEXT_FIELDS, string][]) {
    const value = metadata.get(PREFIX + key)
    if (value !== undefined) parsed[field] = value
  }
  const resolution = structured("resolution", parseResolution)
  if (resolution !== undefined) parsed.resolution = resolution
  const predictionType = structured("prediction_type", parsePredictionType)
  if (predictionType !== undefined) parsed.predictionType = predictionType
  const timestepRange = structured("timestep_range", parseRange)
  if (timestepRange !== undefined) parsed.timestepRange = timestepRange
  const encoderLayer = structured("encoder_layer", (value) => (/^\d{1,3}$/.test(value) ? Number(value) : undefined))
  if (encoderLayer !== undefined) parsed.encoderLayer = encoderLayer
  return parsed
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function parsePredictionType(value: string): PredictionType | undefined {
  return value === "epsilon" || value === "v" ? value : undefined
}

function parseResolution(value: string): { width: number; height: number } | undefined {
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/.exec(value) ?? []
  return width === undefined || height === undefined ? undefined : { width: Number(width), height: Number(height) }
}

function parseRange(value: string): readonly [number, number] | undefined {
  const [, from, to] = /^(\d{1,6}),(\d{1,6})$/.exec(value) ?? []
  return from === undefined || to === undefined ? undefined : [Number(from), Number(to)]
}

function rangeText(range: readonly [number, number] | undefined): string | undefined {
  if (range === undefined) return undefined
  const [from, to] = range
  const ordered = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to
  check(ordered, `timestepRange is [${from}, ${to}], expected whole numbers from 0, the smaller one first`)
  return `${from},${to}`
}

function encoderLayerText(layer: number | undefined): string | undefined {
  if (layer === undefined) return undefined
  check(isPositive(layer), `encoderLayer is ${layer}, expected a whole number from 1`)
  return String(layer)
}

function isPositive(value: number): boolean {
  return Number.isInteger(value) && value > 0
}

function isIsoDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new FormatError("write-input", `LLLite metadata: ${message}`)
}
