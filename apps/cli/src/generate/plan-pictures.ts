import type { LoraTag } from "@lllite/core"
import { CoreError, isDynamic, parsePromptLine } from "@lllite/core"
import type { Seed } from "@lllite/core/names"
import { createStream } from "@lllite/core/random"
import type { LoraInput, Recipe, RecipeInput } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"
import { InputError } from "@lllite/runtime-node"
import { withGuides } from "./guides.ts"
import type { ExpandedLine, PromptSource } from "./prompts.ts"
import { expandSource, tagsOf } from "./prompts.ts"
import { namedSeed, seedSeries } from "./seed-series.ts"
import { lineStages } from "./stages.ts"
import { type StartFile, stemOf } from "./start-files.ts"

/** A picture to make. */
export interface PlannedPicture {
  readonly recipe: Recipe
  /** Its prompt as it was written, with the options of its line and before groups are expanded. */
  readonly written: string
  /** The LoRAs that its prompt names. Their files are not known yet. */
  readonly tags: readonly LoraTag[]
  /** The name that its line gives it, without a folder. Null: a numbered name. */
  readonly fileName: string | null
  /** What its line says for CLIP guidance, which acts on no SDXL. Null: nothing. */
  readonly clipPrompt: string | null
}

/** What all pictures have in common. */
export interface PicturePlan {
  readonly sources: readonly PromptSource[]
  /** Of a picture whose line has no options. The prompt and the seed are each picture's own. */
  readonly base: Omit<RecipeInput, "prompt" | "seed">
  /** SDXL's conditions on sizes, where they are not the picture's. */
  readonly size: {
    readonly originalWidth: number | undefined
    readonly originalHeight: number | undefined
    readonly originalWidthNegative?: number | undefined
    readonly originalHeightNegative?: number | undefined
    readonly cropTop: number
    readonly cropLeft: number
    /** Null: the picture's size. */
    readonly target: readonly [height: number, width: number] | null
  }
  /** Control pictures, for the LLLites of each picture in turn. None: those of `base`. */
  readonly guides: readonly string[]
  readonly seed: Seed
  /** Whether the seed is that of a picture which is made again. The first picture then has it. */
  readonly isSeedOfPicture?: boolean
  readonly imagesPerPrompt: number
  readonly iterations: number
  /** All pictures of an iteration have one seed. */
  readonly sameSeed: boolean
  readonly wildcards: string | undefined
  /** Whether each iteration has the prompts in another order, which follows from the seed. Default: false. */
  readonly isShuffled?: boolean
  /** Pictures to start from, which the pictures of the run take in turn. Default: that of `base`. */
  readonly starts?: readonly StartFile[]
  /** Whether pictures have the size of their start pictures. */
  readonly hasStartSize?: boolean
  /** Whether the first stage of hires fix has a strength of its own. */
  readonly hasOwnFirst?: boolean
  /** Whether pictures have the names of their start pictures. */
  readonly hasStartNames?: boolean
}

/**
 * The pictures of a command, in the order in which they are made. The first has the seed, and each further one the next
 * number, unless its line names seeds. See `seedSeries`. Where prompts are shuffled, seeds follow the order of drawing, as
 * in sd-scripts.
 *
 * @throws InputError for a wildcard that cannot be read; CoreError for groups that cannot be expanded, or for an option
 * out of its range
 */
export function planPictures(plan: PicturePlan): readonly PlannedPicture[] {
  const { sources, seed, imagesPerPrompt, iterations, sameSeed, base, wildcards } = plan
  const pictures: PlannedPicture[] = []
  const compat = base.prompts?.compat ?? null
  const orders = plan.isShuffled === true ? createStream(seed, "prompt-order") : null
  const nextSeed = seedSeries(seed, { sameSeed, compat, isOfPicture: plan.isSeedOfPicture ?? false })
  for (let iteration = 0; iteration < iterations; iteration++) {
    const order = orders?.permutation(sources.length, { step: iteration }) ?? sources.keys()
    for (const place of order) {
      const source = sources[place] as PromptSource
      // Expanding groups needs the seeds, so they are read of the line as it was written.
      const given = source.isLiteral === true ? [] : (parsePromptLine(source.text).options.seeds ?? [])
      const seeds = Array.from({ length: imagesPerPrompt }, (_, i) => {
        return namedSeed(given, i, { compat, isDynamic: isDynamic(source.text) }) ?? nextSeed(iteration)
      })
      const lines = expandSource(source, seeds, { wildcards, compat })
      for (const line of lines) {
        const { fileName, clipPrompt = null } = line.options
        // Several pictures of one name get numbers behind it.
        const name = fileName === undefined ? null : inPlace(source, () => nameOfFile(fileName))
        const adapters = withGuides(base.adapters ?? [], plan.guides, pictures.length)
        const own = { ...plan, base: { ...base, adapters } }
        const { starts = [] } = plan
        const start = starts[source.start ?? pictures.length % Math.max(1, starts.length)]
        const { recipe, tags } = inPlace(source, () => pictureOf(own, line, start))
        inPlace(source, () => checkWebp(name, recipe))
        const ownName = plan.hasStartNames === true && start !== undefined ? `${stemOf(start.image)}.png` : name
        pictures.push({ recipe, tags, written: source.text, fileName: ownName, clipPrompt })
      }
    }
  }
  return pictures
}

/** The name of a picture's file, which is a PNG or a WebP in the folder of the others. */
function nameOfFile(name: string): string {
  const path = /\.(png|webp)$/.test(name) ? name : `${name}.png`
  if (/[/\\\0]/.test(path) || /\.(jpe?g|gif|bmp|tiff?|webp)\.png$/i.test(path)) {
    throw new CoreError(
      "option-range",
      `--f is ${JSON.stringify(name)}, expected the name of a PNG or a WebP without a folder`,
    )
  }
  return path
}

/** The most pixels of a side that the format WebP can say. */
const MOST_WEBP_SIDE = 16_383

function checkWebp(name: string | null, { width, height }: Pick<Recipe, "width" | "height">): void {
  if (name?.endsWith(".webp") !== true || Math.max(width, height) <= MOST_WEBP_SIDE) return
  throw new CoreError(
    "option-range",
    `--f is "${name}" of ${width}x${height}, expected sides of at most ${MOST_WEBP_SIDE} for a WebP. Name a PNG`,
  )
}

/** Names the place of a prompt in an error about its values. */
function inPlace<T>({ where, line }: PromptSource, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause
    const place = line === undefined ? where : `${where}, line ${line}`
    throw new InputError("prompt-line", `${place}: ${cause.message.replace(/^recipe: /, "")}`, { cause })
  }
}

function pictureOf(
  { base, size, hasStartSize = false, hasOwnFirst = false }: PicturePlan,
  { prompt: text, options, seed, hasTags = true }: ExpandedLine,
  from?: StartFile,
): Pick<PlannedPicture, "recipe" | "tags"> {
  const { prompt, tags } = tagsOf(text, !hasTags || base.prompts?.syntax === "plain")
  const own = from !== undefined && hasStartSize ? startSize(from) : base
  const { width = own.width, height = own.height } = options
  const original = [
    options.originalHeight ?? size.originalHeight ?? height,
    options.originalWidth ?? size.originalWidth ?? width,
  ] as const
  const crop = [options.cropTop ?? size.cropTop, options.cropLeft ?? size.cropLeft] as const
  const negative = [
    options.originalHeightNegative ?? size.originalHeightNegative ?? original[0],
    options.originalWidthNegative ?? size.originalWidthNegative ?? original[1],
  ] as const
  const target = size.target ?? ([height, width] as const)
  const start =
    from === undefined
      ? base.start
      : {
          ...base.start,
          image: { path: from.image },
          mask: from.mask === null ? (base.start?.mask ?? null) : { path: from.mask },
        }
  const { firstNegativePrompt, ...rest } = base
  const recipe = createRecipe({
    ...rest,
    // A line's negative prompt is one text for both encoders.
    ...(firstNegativePrompt === undefined || options.negativePrompt !== undefined ? {} : { firstNegativePrompt }),
    ...lineStages({ ...base, ...(start === undefined ? {} : { start }) }, options, hasOwnFirst),
    ...{ prompt, seed, width, height },
    size: { original, crop, target },
    negativeSize: { original: negative, crop, target },
    ...(options.negativePrompt === undefined ? {} : { negativePrompt: options.negativePrompt }),
    ...(options.steps === undefined ? {} : { steps: options.steps }),
    ...(options.guidanceScale === undefined ? {} : { guidanceScale: options.guidanceScale }),
    ...(options.negativeScale === undefined
      ? {}
      : { negativeScale: options.negativeScale === "none" ? null : options.negativeScale }),
    ...(options.loraStrengths === undefined ? {} : { loras: withStrengths(base.loras ?? [], options.loraStrengths) }),
  })
  return { recipe, tags }
}

/** Sides of a picture that has the size of a start picture, in pixels. Source: sd-scripts `preprocess_image`. */
function startSize({ width, height }: StartFile): { readonly width: number; readonly height: number } {
  const floored = (side: number): number => Math.max(START_MULTIPLE, side - (side % START_MULTIPLE))
  return { width: floored(width), height: floored(height) }
}

const START_MULTIPLE = 32

/** The LoRAs with the strengths of a line. @throws CoreError for more strengths than LoRAs */
function withStrengths(loras: readonly LoraInput[], strengths: readonly number[]): readonly LoraInput[] {
  if (strengths.length > loras.length) {
    throw new CoreError(
      "option-range",
      `--am has ${strengths.length} ${strengths.length === 1 ? "strength" : "strengths"}, expected at most ${loras.length}: one for each LoRA of --network_weights that is not merged`,
    )
  }
  return loras.map((lora, i) => {
    const strength = strengths[Math.min(i, strengths.length - 1)] ?? 1
    return { ...lora, strength, textStrength: strength }
  })
}
