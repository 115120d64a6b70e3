import { randomInt } from "node:crypto"
import { PROMPT_COMPATS, readSeed } from "@lllite/core/names"
import type { AdapterInput, RecipeInput, TextualInversionReference } from "@lllite/core/recipe"
import type { OptionReader, Settings } from "@lllite/runtime-node/options"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { runtimeChoice } from "../model/runtime-options.ts"
import { type ControlKinds, ofKind } from "./control-files.ts"
import { checkGuides, GUIDE_SETTINGS, preprocessOf } from "./guides.ts"
import type { LoraChoice } from "./loras.ts"
import { checkNoise, startNoiseOf } from "./noise-options.ts"
import type { GENERATE_OPTIONS } from "./options.ts"
import type { Naming } from "./picture-files.ts"
import type { PicturePlan, PlannedPicture } from "./plan-pictures.ts"
import { planPictures } from "./plan-pictures.ts"
import type { PromptSource } from "./prompts.ts"
import { checkRegionOptions, regionsOf } from "./regions.ts"
import { checkSampling, samplingOf } from "./sampling-options.ts"
import { mergeParts } from "./source/merge-parts.ts"
import { checkSpeed, speedOf } from "./speed-options.ts"
import { checkStageOptions } from "./stage-options.ts"
import { stagesOf, startOf } from "./stages.ts"
import type { StartFile } from "./start-files.ts"
import { checkSteering, combinationOf, STEERING_LISTS, steeringOf } from "./steering-options.ts"

type GenerateTable = typeof GENERATE_OPTIONS
type GenerateReader = OptionReader<GenerateTable>

/** The checked settings of `generate`. */
export interface GenerateSettings extends Pick<Settings<GenerateTable>, "outdir" | "llliteMap"> {
  /** At least one. All have the same model and adapters. */
  readonly pictures: readonly PlannedPicture[]
  readonly strict: boolean
  /** How pictures are named that have no name of their own. */
  readonly naming: Naming
  /** Whether the pictures of first stages are written, too. */
  readonly firstStage: boolean
  /** Undefined: chosen from the free memory. */
  readonly vaeSlices: number | undefined
  /** Undefined: the runtime's default. */
  readonly batchSize?: number | undefined
  /** The folder of wildcards, if there is one. */
  readonly wildcardDir?: string | undefined
  readonly runtime: RuntimeChoice
  /** Options that have no effect here, one sentence each. */
  readonly notices: readonly string[]
}

/** Random seeds are short, so that they can be typed. */
const RANDOM_SEEDS = 2 ** 32

/** Checks options that depend on each other. The reader keeps the problems. */
export function checkGenerateOptions(reader: GenerateReader): void {
  const { settings, check, nameOf } = reader
  checkGuides(reader)
  checkSteering(reader)
  checkSampling(reader)
  checkSpeed(reader)
  checkNoise(reader)
  checkRegionOptions(reader)
  checkStageOptions(reader, samplingOf(settings).sampler ?? "")
  const { ckpt, prompt, fromFile, interactive, imagePath } = settings
  check(["ckpt"], () =>
    ckpt === undefined
      ? `${nameOf("ckpt")} is missing, expected an SDXL checkpoint, or "tiny" for the embedded model`
      : null,
  )
  check(["prompt", "fromFile", "interactive"], () => {
    if (interactive) {
      return prompt === undefined && fromFile === undefined
        ? null
        : `${nameOf("interactive")} reads prompts as they are typed. Leave out ${nameOf(prompt === undefined ? "fromFile" : "prompt")}`
    }
    if (prompt === undefined && fromFile === undefined) {
      // The text of a start picture holds its prompt.
      return imagePath === undefined ? `${nameOf("prompt")} is missing, expected what to draw` : null
    }
    if (prompt === undefined || fromFile === undefined) return null
    return `${nameOf("prompt")} and ${nameOf("fromFile")} are both given. Keep one of them`
  })
  check(["sequentialFileName", "datedFileName"], () =>
    settings.sequentialFileName && settings.datedFileName
      ? `${nameOf("sequentialFileName")} and ${nameOf("datedFileName")} exclude each other. Keep one of them`
      : null,
  )
  const { seed, imagesPerPrompt, nIter } = settings
  check(["seed", "imagesPerPrompt", "nIter"], () =>
    readSeed(BigInt(seed ?? 0) + BigInt(imagesPerPrompt * nIter - 1)) === null
      ? `${nameOf("seed")} is ${seed}, expected at most 2^64 - ${imagesPerPrompt * nIter}: each picture has the next seed`
      : null,
  )
  const pairs = [["networkWeights", ["networkMul", "networkArgs"], "LoRA"]] as const
  for (const [owner, others, what] of pairs) {
    for (const name of others) {
      check([name, owner], () => {
        const { length } = settings[name]
        if (length === 0 || length === settings[owner].length) return null
        return `${nameOf(name)} has ${length} ${length === 1 ? "entry" : "entries"} and ${nameOf(owner)} ${settings[owner].length}, expected one for each ${what}`
      })
    }
  }
}

/** The LoRAs and textual inversions of all pictures. */
export interface Networks extends Pick<LoraChoice, "merged" | "live"> {
  readonly textualInversions: readonly TextualInversionReference[]
}

/**
 * The pictures that prompts become. The reader keeps the problems.
 *
 * @returns none if there is a problem
 */
export async function planOf(
  { settings, examine, isGiven }: GenerateReader,
  sources: readonly PromptSource[],
  networks: Networks = { merged: [], live: [], textualInversions: [] },
  from: RecipeInput | null = null,
  guides: readonly string[] = settings.guideImagePath,
  starts: readonly StartFile[] = [],
  kinds: ControlKinds = new Map(),
): Promise<readonly PlannedPicture[]> {
  const plan = (): PicturePlan => {
    const own = {
      ...picturePlan(settings, sources, networks, isGiven),
      guides,
      starts,
      ...startRules(settings, from === null && !isGiven("W") && !isGiven("H")),
    }
    return withKinds(from === null ? own : planFrom(own, from, isGiven), kinds, settings.controlNetGuessMode)
  }
  return (await examine(PLAN_OPTIONS, async () => planPictures(plan()))) ?? []
}

/** The options that a plan reads. */
const PLAN_OPTIONS = [
  ...(["prompt", "fromFile", "wildcardDir", "ckpt", "W", "H", "seed", "imagesPerPrompt", "nIter"] as const),
  ...(["controlNetLlliteModels", ...GUIDE_SETTINGS] as const),
  ...(["networkWeights", "networkMul", "networkArgs"] as const),
  ...(["sampler", "spacing", "eta", "samplerArgs", "spacingArgs"] as const),
  ...(["guidanceStart", "guidanceEnd", "deepCacheInterval", "deepCacheDepth", "fast"] as const),
  ...(["pyramidNoiseProb", "pyramidNoiseDiscountRange", "noiseOffsetProb", "noiseOffsetRange"] as const),
  ...STEERING_LISTS,
  ...([
    "imagePath",
    "strength",
    "highresFixScale",
    "dsDepth1",
    "gradualLatentTimesteps",
    "tile",
    "tileOverlap",
  ] as const),
]

/** What start pictures decide beside the pixels. */
function startRules(
  settings: Settings<GenerateTable>,
  hasStartSize: boolean,
): Pick<PicturePlan, "hasStartSize" | "hasOwnFirst" | "hasStartNames"> {
  return {
    hasStartSize,
    hasOwnFirst: settings.highresFixStrength !== undefined,
    hasStartNames: settings.useOriginalFileName,
  }
}

/** The plan of a recipe from a file, in which options that are given win. */
function planFrom(plan: PicturePlan, from: RecipeInput, isGiven: GenerateReader["isGiven"]): PicturePlan {
  const { width, height, size: { original = null, crop = null, target = null } = {}, seed } = from
  const ownSeed = isGiven("seed") ? null : readSeed(seed)
  // A size that is the picture's follows another size of the picture.
  const own = (pair: readonly [number, number] | null): readonly [number | undefined, number | undefined] =>
    pair === null || (pair[0] === height && pair[1] === width) ? [undefined, undefined] : pair
  const [originalHeight, originalWidth] = own(original)
  return {
    ...plan,
    base: mergeParts(from, plan.base, isGiven),
    size: {
      originalWidth: plan.size.originalWidth ?? originalWidth,
      originalHeight: plan.size.originalHeight ?? originalHeight,
      cropTop: isGiven("cropTop") ? plan.size.cropTop : (crop?.[0] ?? 0),
      cropLeft: isGiven("cropLeft") ? plan.size.cropLeft : (crop?.[1] ?? 0),
      target: own(target)[0] === undefined ? null : target,
    },
    seed: ownSeed ?? plan.seed,
    isSeedOfPicture: ownSeed !== null,
  }
}

/** What the pictures follow from. */
function picturePlan(
  settings: Settings<GenerateTable>,
  sources: readonly PromptSource[],
  { merged, live, textualInversions }: Networks,
  isGiven: GenerateReader["isGiven"],
): Omit<PicturePlan, "guides"> {
  const { ckpt = "", W: width = ckpt === "tiny" ? 128 : 1024, H: height = width, steps, unet, vae } = settings
  const { imagesPerPrompt, nIter: iterations, iterSameSeed: sameSeed, wildcardDir: wildcards } = settings
  const { originalWidth, originalHeight, cropTop, cropLeft } = settings
  const { originalWidthNegative, originalHeightNegative } = settings
  const pictures = imagesPerPrompt * iterations * sources.length
  const combine = combinationOf(settings)
  const regions = regionsOf(settings)
  return {
    sources,
    base: {
      ...{ width, height, steps, ...samplingOf(settings) },
      adapters: readAdapters(settings),
      ...(combine === undefined ? {} : { combine }),
      ...(regions === null ? {} : { regions }),
      ...stagesOf(settings),
      ...(settings.imagePath === undefined
        ? {}
        : { start: { ...startOf(settings), image: { path: settings.imagePath } } }),
      negativePrompt: settings.negativePrompt ?? "",
      guidanceScale: settings.scale,
      negativeScale: settings.negativeScale ?? null,
      startNoise: startNoiseOf(settings),
      ...speedOf(settings, isGiven),
      ...(settings.vaeTile === undefined ? {} : { vaeTiles: { size: settings.vaeTile } }),
      prompts: {
        syntax: settings.promptSyntax,
        maxChunks: settings.maxEmbeddingsMultiples ?? null,
        normalization: settings.embNormalizeMode,
        clipSkip: settings.clipSkip,
        compat: PROMPT_COMPATS.find((name) => name === settings.compat) ?? null,
      },
      model: {
        checkpoint: { path: ckpt },
        ...(unet === undefined ? {} : { unet: { path: unet } }),
        ...(vae === undefined ? {} : { vae: { path: vae } }),
        prediction: settings.vParameterization ? "v" : "epsilon",
        loras: merged,
      },
      loras: live,
      textualInversions,
    },
    size: {
      ...{ originalWidth, originalHeight, originalWidthNegative, originalHeightNegative },
      ...{ cropTop, cropLeft, target: null },
    },
    seed: settings.seed ?? randomInt(Math.max(1, RANDOM_SEEDS - pictures)),
    ...{ imagesPerPrompt, iterations, sameSeed, wildcards, isShuffled: settings.shufflePrompts },
  }
}

/**
 * The settings, with the pictures that the prompts become.
 *
 * @throws UsageError with all problems of the reader
 */
export function readGenerateSettings(
  reader: GenerateReader,
  pictures: readonly PlannedPicture[],
  notices: readonly string[] = [],
): GenerateSettings {
  const { vaeSlices, batchSize, outdir, llliteMap, wildcardDir, strict, ...values } = reader.finish()
  const { highresFixSave1st: firstStage } = values
  const naming = values.sequentialFileName ? "sequential" : values.datedFileName ? "dated" : "seeded"
  return {
    ...{ strict, firstStage },
    ...{ pictures, vaeSlices, batchSize, outdir, llliteMap, wildcardDir, naming },
    ...{ runtime: runtimeChoice(values), notices: [...reader.notes, ...notices] },
  }
}

function readAdapters(settings: Settings<GenerateTable>): readonly AdapterInput[] {
  const { controlNetLlliteModels: models, guideImagePath: guides, guideFit: fit } = settings
  const { controlNetMultipliers: strengths, controlNetRatios: ends } = settings
  return models.map((path, i) => ({
    file: { path },
    control: { file: { path: guides[i] ?? guides[0] ?? "" }, fit, ...preprocessOf(settings, i) },
    strength: strengths[i] ?? 1,
    ...steeringOf(settings, i, ends[i] ?? 1),
  }))
}

/** A plan whose adapters are what their files say. */
function withKinds(plan: PicturePlan, kinds: ControlKinds, guessMode: boolean): PicturePlan {
  const adapters = (plan.base.adapters ?? []).map((adapter) =>
    ofKind(adapter, kinds.get(adapter.file.path) ?? adapter.kind ?? "lllite", guessMode || adapter.guessMode === true),
  )
  return { ...plan, base: { ...plan.base, adapters } }
}
