import { NOISE_NAMES, PREDICTIONS } from "../diffusion/names.ts"
import type { SizeCondition } from "../diffusion/size-embedding.ts"
import { CoreError } from "../errors.ts"
import { COMBINATIONS, GENERATE_DEFAULTS, GENERATE_RANGES } from "../generation/defaults.ts"
import { REGION_CODES } from "../generation/region-map.ts"
import type { PromptOptions } from "../prompt/options.ts"
import {
  EMBEDDING_NORMALIZATIONS,
  PROMPT_COMPATS,
  PROMPT_DEFAULTS,
  PROMPT_RANGES,
  PROMPT_SYNTAXES,
} from "../prompt/options.ts"
import type { Field } from "./fields.ts"
import { given, readChoice, readFlag, readList, readNumber, readObject, readOr, readText, refuse } from "./fields.ts"
import { readAdapter } from "./read-adapter.ts"
import { readFile } from "./read-file.ts"
import { readInversion, readLora } from "./read-lora.ts"
import { readJsonSeed, readSide } from "./read-numbers.ts"
import { readPart } from "./read-part.ts"
import { readSampling } from "./read-sampling.ts"
import {
  readDeepCache,
  readDeepShrink,
  readGradualLatent,
  readHires,
  readStart,
  readStartNoise,
  readTiles,
  readVaeTiles,
} from "./read-stages.ts"
import type { ModelReference, Recipe, RecipeInput, RegionsReference } from "./recipe.ts"
import { RECIPE_VERSION } from "./recipe.ts"

const KEYS = [
  "version",
  "prompt",
  "negativePrompt",
  "firstPrompt",
  "firstNegativePrompt",
  "prompts",
  "seed",
  "noise",
  "batch",
  "startNoise",
  "width",
  "height",
  "size",
  "negativeSize",
  "steps",
  "guidanceScale",
  "guidanceRescale",
  "negativeScale",
  "guidanceWindow",
  "zeroTerminalSnr",
  "sampler",
  "spacing",
  "spacingOptions",
  "samplerOptions",
  "model",
  "textualInversions",
  "loras",
  "regions",
  "parts",
  "negativeParts",
  "adapters",
  "combine",
  "start",
  "hires",
  "deepShrink",
  "deepCache",
  "tiles",
  "vaeTiles",
  "gradualLatent",
] as const satisfies readonly (keyof Recipe)[]

/**
 * Fills in a recipe's defaults, and checks it.
 *
 * @throws CoreError that names the path of the wrong field
 */
export function createRecipe(input: RecipeInput): Recipe {
  return readRecipe({ ...input, version: RECIPE_VERSION })
}

/**
 * Reads a recipe from untrusted JSON. Missing fields get their defaults. `version`, `prompt`, `seed`, `width`, `height`
 * and `model.checkpoint` are required.
 *
 * @throws CoreError for another version, or that names the path of the wrong or unknown field
 */
export function readRecipe(json: unknown): Recipe {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new CoreError("recipe-syntax", "recipe: expected an object. Is it the JSON of a recipe?")
  }
  // The version is checked first, because another version may have other fields.
  const version: unknown = "version" in json ? json.version : undefined
  if (version !== RECIPE_VERSION) {
    throw new CoreError(
      "recipe-version",
      `recipe: version is ${version === undefined ? "missing" : JSON.stringify(version)}, expected ${RECIPE_VERSION}. ` +
        "It may have been written by a newer program.",
    )
  }
  const field = readObject({ value: json, path: "" }, KEYS)
  const [width, height] = [readSide(field("width")), readSide(field("height"))]
  const size = readOr(
    field("size"),
    { original: [height, width], crop: [0, 0], target: [height, width] } as const,
    readSize,
  )
  return {
    version: RECIPE_VERSION,
    prompt: readText(field("prompt")),
    negativePrompt: readOr(field("negativePrompt"), "", readText),
    ...readFirstTexts(field),
    prompts: readOr(field("prompts"), PROMPT_DEFAULTS, readPrompts),
    seed: readJsonSeed(field("seed")),
    noise: readOr(field("noise"), GENERATE_DEFAULTS.noise, (at) => readChoice(at, NOISE_NAMES)),
    ...readBatch(field),
    startNoise: readStartNoise(field("startNoise")),
    width,
    height,
    size,
    negativeSize: readOr(field("negativeSize"), size, readSize),
    steps: readOr(field("steps"), GENERATE_DEFAULTS.steps, (at) => readNumber(at, GENERATE_RANGES.steps)),
    guidanceScale: readOr(field("guidanceScale"), GENERATE_DEFAULTS.guidanceScale, (at) =>
      readNumber(at, GENERATE_RANGES.guidanceScale),
    ),
    guidanceWindow: readOr(field("guidanceWindow"), { start: 0, end: 1 }, readGuidanceWindow),
    guidanceRescale: readOr(field("guidanceRescale"), GENERATE_DEFAULTS.guidanceRescale, (at) =>
      readNumber(at, GENERATE_RANGES.guidanceRescale),
    ),
    negativeScale: readOr(field("negativeScale"), null, (at) =>
      at.value === null ? null : readNumber(at, GENERATE_RANGES.negativeScale),
    ),
    zeroTerminalSnr: readOr(field("zeroTerminalSnr"), null, (at) => (at.value === null ? null : readFlag(at))),
    ...readSampling(field),
    model: readModel(field("model")),
    textualInversions: readOr(field("textualInversions"), [], (at) => readList(at, readInversion)),
    loras: readOr(field("loras"), [], (at) => readList(at, readLora)),
    ...given("regions", field("regions"), readRegions),
    ...given("parts", field("parts"), (at) => readList(at, readPart)),
    ...given("negativeParts", field("negativeParts"), (at) => readList(at, readPart)),
    adapters: readOr(field("adapters"), [], (at) => readList(at, readAdapter)),
    combine: readOr(field("combine"), GENERATE_DEFAULTS.combine, (at) => readChoice(at, COMBINATIONS)),
    start: readStart(field("start")),
    hires: readHires(field("hires"), { width, height }),
    deepShrink: readDeepShrink(field("deepShrink")),
    deepCache: readDeepCache(field("deepCache")),
    tiles: readTiles(field("tiles")),
    ...readVaeTiles(field("vaeTiles")),
    gradualLatent: readGradualLatent(field("gradualLatent")),
  }
}

/** The texts of the first encoder, where a recipe has them. */
function readFirstTexts(
  field: (key: "firstPrompt" | "firstNegativePrompt") => Field,
): Pick<Recipe, "firstPrompt" | "firstNegativePrompt"> {
  const texts = (["firstPrompt", "firstNegativePrompt"] as const).map((key) =>
    field(key).value === undefined ? {} : { [key]: readText(field(key)) },
  )
  return Object.assign({}, ...texts)
}

/** The place in a batch whose noise PyTorch draws at once, where a recipe has it. */
function readBatch(field: (key: "batch" | "noise") => Field): Pick<Recipe, "batch"> {
  const at = field("batch")
  if (at.value === undefined || at.value === null) return {}
  if ((field("noise").value ?? GENERATE_DEFAULTS.noise) === "lllite") {
    throw refuse(at, 'null, or a noise of PyTorch in "noise"')
  }
  const part = readObject(at, ["index", "count"])
  const count = readNumber(part("count"), GENERATE_RANGES.batchSize)
  return { batch: { index: readNumber(part("index"), { integer: true, min: 0, max: count - 1 }), count } }
}

function readPrompts(at: Field): Required<PromptOptions> {
  const field = readObject(at, ["syntax", "maxChunks", "normalization", "clipSkip", "compat"])
  const orNull = <T>(entry: Field, read: (entry: Field) => T): T | null => (entry.value === null ? null : read(entry))
  const defaults = PROMPT_DEFAULTS
  return {
    syntax: readOr(field("syntax"), defaults.syntax, (entry) => readChoice(entry, PROMPT_SYNTAXES)),
    maxChunks: readOr(field("maxChunks"), defaults.maxChunks, (entry) =>
      orNull(entry, (number) => readNumber(number, PROMPT_RANGES.maxChunks)),
    ),
    normalization: readOr(field("normalization"), defaults.normalization, (entry) =>
      readChoice(entry, EMBEDDING_NORMALIZATIONS),
    ),
    clipSkip: readOr(field("clipSkip"), defaults.clipSkip, (entry) => readNumber(entry, PROMPT_RANGES.clipSkip)),
    compat: readOr(field("compat"), defaults.compat, (entry) =>
      orNull(entry, (name) => readChoice(name, PROMPT_COMPATS)),
    ),
  }
}

function readSize(at: Field): SizeCondition {
  const field = readObject(at, ["original", "crop", "target"])
  const pair = (key: "original" | "crop" | "target", min: number): readonly [number, number] => {
    const numbers = readList(field(key), (entry) => readNumber(entry, { integer: true, min }))
    const [first, second] = numbers
    if (first === undefined || second === undefined || numbers.length > 2) throw refuse(field(key), "two numbers")
    return [first, second]
  }
  return { original: pair("original", 1), crop: pair("crop", 0), target: pair("target", 1) }
}

function readModel(at: Field): ModelReference {
  const field = readObject(at, ["checkpoint", "unet", "vae", "prediction", "loras"])
  const unet = readOr(field("unet"), null, readFile)
  const vae = readOr(field("vae"), null, readFile)
  return {
    checkpoint: readFile(field("checkpoint")),
    ...(unet === null ? {} : { unet }),
    ...(vae === null ? {} : { vae }),
    prediction: readOr(field("prediction"), PREDICTIONS[0], (entry) => readChoice(entry, PREDICTIONS)),
    loras: readOr(field("loras"), [], (entry) => readList(entry, readLora)),
  }
}

function readRegions(at: Field): RegionsReference {
  const field = readObject(at, ["file", "codes"])
  const codes = readOr(field("codes"), null, (entry) => (entry.value === null ? null : readNumber(entry, REGION_CODES)))
  return { file: readFile(field("file")), codes }
}

function readGuidanceWindow(at: Field): Recipe["guidanceWindow"] {
  const field = readObject(at, ["start", "end"])
  const start = readOr(field("start"), 0, (entry) => readNumber(entry, GENERATE_RANGES.window))
  const end = readOr(field("end"), 1, (entry) => readNumber(entry, GENERATE_RANGES.window))
  if (start > end) throw refuse(at, "a start that is not after the end")
  return { start, end }
}
