import { CoreError } from "@lllite/core"
import type { Recipe } from "@lllite/core/recipe"
import { firstStageRecipe, jsonSeed, requestOf, startOptions } from "@lllite/core/recipe"
import type { GenerateRunEvent, NodeRuntime, SdxlHandle, SdxlPaths } from "@lllite/runtime-node"
import { InputError } from "@lllite/runtime-node"
import { startRuntime } from "../model/start-runtime.ts"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { untilStopped } from "../terminal/until-stopped.ts"
import { createAdapterMaps } from "./adapter-maps.ts"
import type { Controls } from "./controls.ts"
import { createControls } from "./controls.ts"
import { createHasher } from "./hashed-recipe.ts"
import { lineNotices, withOption } from "./line-notices.ts"
import { type LoadedAdapters, loadAdapters } from "./load-adapters.ts"
import { createNetworks, type LorasOf } from "./load-loras.ts"
import type { Masks } from "./masks.ts"
import { partsOf, readMasks } from "./masks.ts"
import type { PictureFiles } from "./picture-files.ts"
import { createPictureFiles } from "./picture-files.ts"
import { pictureText } from "./picture-text.ts"
import type { PlannedPicture } from "./plan-pictures.ts"
import { createRegions, type Regions } from "./regions.ts"
import { createRunSummary, type RunSummary } from "./run-summary.ts"
import { samplingNotices } from "./sampling-options.ts"
import type { GenerateSettings } from "./settings.ts"
import { createStarts, type StartsOf } from "./start-pictures.ts"
import { steeringNotices } from "./steering-notices.ts"
import { withTypedNames } from "./typed-names.ts"

/** What a run of pictures gets beside its settings. */
export interface GenerateParts {
  /** Where pictures are written. Default: the folder of the settings */
  readonly files?: PictureFiles
  /**
   * Gives further pictures of the same files until it gives null. With it, those of the settings are not drawn, and only
   * say what to load.
   */
  readonly next?: () => Promise<readonly PlannedPicture[] | null>
  /** Starts the runtime, which the run disposes. Default: `startRuntime` */
  readonly start?: typeof startRuntime
  /** Told of every step. `previews` also decodes the estimates, which takes as long as decoding the result. */
  readonly watch?: { readonly previews: boolean; step(step: GenerateStep): void }
}

/** A step of a batch, as a run of a runtime yields it. */
export type GenerateStep = Extract<GenerateRunEvent, { readonly kind: "step" }>

/**
 * Generates pictures from `settings`, whose files `examineGeneration` has examined. Each is written as soon as it is complete, with its recipe inside.
 *
 * @throws InputError, FormatError, CoreError naming what is wrong; InterruptedError when stopped
 */
export async function runGenerate(
  settings: GenerateSettings,
  reporter: Reporter,
  signal: AbortSignal,
  parts: GenerateParts = {},
): Promise<void> {
  const { next = null, start = startRuntime, watch = null } = parts
  const { files = createPictureFiles(settings.outdir, { naming: settings.naming }) } = parts
  for (const notice of [...settings.notices, ...lineNotices(settings.pictures)])
    reporter.say("notice", { text: notice }, `Note: ${notice}`)
  const [first] = settings.pictures
  if (first === undefined) throw new Error("there is no picture to generate")
  const { recipe } = first
  const recipes = settings.pictures.map(({ recipe }) => recipe)
  const say = (text: string): void => reporter.say("notice", { text }, `Note: ${text}`)
  const controls = createControls(say)
  const masks = await untilStopped(readMasks(recipes, say), signal)
  const starts = createStarts(say)
  const regions = createRegions(say)
  const { checkpoint, ...paths } = pathsOf(recipe.model)
  const runtime = await start(settings.runtime, reporter, signal)
  // Nothing of a running batch can be saved, so nothing waits for its step.
  const stop = (): void => void runtime.dispose()
  signal.addEventListener("abort", stop)
  try {
    signal.throwIfAborted()
    reporter.say(
      "load",
      { checkpoint, ...paths, backend: runtime.backend },
      `Loading ${checkpoint} on ${runtime.backend} …`,
    )
    // Without --v_parameterization, the checkpoint is run as its files say.
    const asked = recipe.model.prediction === "v" ? ({ prediction: "v" } as const) : {}
    const sdxl = await runtime.loadSdxl(checkpoint, { ...asked, ...paths, signal })
    for (const text of sdxl.notices) say(text)
    const adapters = await loadAdapters(runtime, sdxl, recipe, say)
    const steering = new Set([
      ...recipes.flatMap((each) => steeringNotices(each, adapters.sites)),
      ...samplingNotices(recipe, sdxl.prediction),
    ])
    for (const text of steering) say(text)
    const loras = createNetworks(runtime, sdxl, reporter)
    const hashed = createHasher()
    const summary = createRunSummary()
    const draw = async (planned: readonly PlannedPicture[], masks: Masks): Promise<void> => {
      const networks = await loras(planned)
      const pictures = await Promise.all(
        planned.map(async (picture) => {
          const recipe = await hashed(picture.recipe)
          return { ...picture, recipe: { ...recipe, model: { ...recipe.model, prediction: sdxl.prediction } } }
        }),
      )
      signal.throwIfAborted()
      const written = { ...settings, pictures, files, watch }
      const steering = { adapters, controls, masks, loras: networks, starts, regions }
      await writePictures({ runtime, sdxl, summary }, written, steering, reporter, signal)
    }
    if (next === null) await draw(settings.pictures, masks)
    else {
      for (let planned = await next(); planned !== null; planned = await next()) {
        for (const text of lineNotices(planned)) say(text)
        const recipes = planned.map(({ recipe }) => recipe)
        await draw(planned, await readMasks(recipes, say))
      }
    }
    summary.say(reporter)
  } catch (error) {
    // The runtime was disposed because of the signal.
    throw signal.aborted && error instanceof CoreError ? signal.reason : withTypedNames(error)
  } finally {
    signal.removeEventListener("abort", stop)
    await runtime.dispose()
  }
}

function pathsOf({ checkpoint, unet, vae, loras }: Recipe["model"]): SdxlPaths {
  return {
    ...(loras.length === 0 ? {} : { loras: loras.map(({ file, ...use }) => ({ ...use, source: file.path })) }),
    checkpoint: checkpoint.path,
    ...(unet === undefined ? {} : { unet: unet.path }),
    ...(vae === undefined ? {} : { vae: vae.path }),
  }
}

/** The adapters of all pictures, and their control pictures and masks for each size. */
interface Steering {
  readonly adapters: LoadedAdapters
  readonly controls: Controls
  readonly masks: Masks
  readonly loras: LorasOf
  readonly starts: StartsOf
  readonly regions: Regions
}

/** What draws, and what is said of it at the end. */
interface Drawing {
  readonly runtime: Pick<NodeRuntime, "device" | "memory">
  readonly sdxl: SdxlHandle
  readonly summary: RunSummary
}

/** Where pictures go, and who watches them. */
interface Written {
  readonly files: PictureFiles
  readonly watch: GenerateParts["watch"] | null
}

async function writePictures(
  { runtime, sdxl, summary }: Drawing,
  {
    pictures,
    vaeSlices,
    batchSize,
    llliteMap,
    wildcardDir,
    firstStage,
    strict,
    files,
    watch,
  }: GenerateSettings & Written,
  { adapters, controls, masks, loras, starts, regions }: Steering,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  // Typed prompts come here one line at a time, and the files number all of them.
  const earlier = files.written
  try {
    for (const group of groupsOf(pictures)) {
      const [{ recipe }] = group
      const uses = await controls(group.map((picture) => picture.recipe))
      const run = sdxl.generate(
        group.map((picture) => requestOf(picture.recipe).request),
        {
          ...requestOf(recipe).options,
          ...adapters.uses(recipe, uses, masks),
          ...loras(recipe),
          ...partsOf(recipe, masks),
          regions: await regions(group.map((picture) => picture.recipe)),
          start: await starts(group.map(({ recipe }) => recipe)),
          ...{
            signal,
            strict,
            firstStage: firstStage && recipe.hires !== null,
            measureAdapters: llliteMap !== undefined,
          },
          ...(watch?.previews === true ? { previews: true } : {}),
          ...(vaeSlices === undefined ? {} : { vaeSlices }),
          ...(batchSize === undefined ? {} : { batchSize }),
        },
      )
      const before = files.written
      const maps = llliteMap === undefined ? null : createAdapterMaps(llliteMap)
      for await (const event of run) {
        if (event.kind === "notice") {
          const text = withOption(event.text, wildcardDir)
          reporter.say("notice", { text }, `Note: ${text}`)
          continue
        }
        if (event.kind === "step" || event.kind === "tile") {
          if (event.kind === "step") {
            summary.step(event)
            watch?.step(event)
          }
          reporter.progress("generate", before - earlier + event.done, pictures.length)
          continue
        }
        if (event.kind === "deltas") {
          maps?.add(event)
          continue
        }
        const { recipe, fileName, ...picture } = group[event.index] as PlannedPicture
        const { image, seed } = event
        // As in sd-scripts, whose batches have one picture unless the option says more. Names alone follow from it.
        const place = event.index % (batchSize ?? 1)
        if (event.kind === "first-stage") {
          const index = before + event.index
          const first = await files.writeFirstStage(
            { index, place, fileName, image, seed, hasStages: true },
            pictureText({ ...picture, recipe: firstStageRecipe(recipe) }, adapters.isForComfyUi),
          )
          reporter.say("file", { path: first, seed: jsonSeed(seed) }, first)
          continue
        }
        summary.picture(runtime.device === "GPU" ? (await runtime.memory()).allocated : null)
        const text = pictureText({ ...picture, recipe }, adapters.isForComfyUi)
        const hasStages = recipe.hires !== null
        const index = before + event.index
        const path = await files.write({ index, place, fileName, image, seed, hasStages }, text)
        reporter.say("file", { path, seed: jsonSeed(event.seed) }, path)
        for (const map of (await maps?.write(event.index, path, recipe)) ?? []) reporter.say("file", { path: map }, map)
      }
    }
  } catch (error) {
    // A picture that could not be written is told after a stop, too.
    if (!signal.aborted || error instanceof InputError) throw error
    throw new InterruptedError(`stopped. ${files.written - earlier} of ${pictures.length} pictures are written`)
  }
}

/** The most pictures of a run that have different control pictures, which are in memory together. */
const MOST_GUIDED = 16

/** Neighbouring pictures that differ in prompt, seed and control picture only. Each group is one run. */
function groupsOf(pictures: readonly PlannedPicture[]): readonly (readonly [PlannedPicture, ...PlannedPicture[]])[] {
  const groups: [PlannedPicture, ...PlannedPicture[]][] = []
  let last = ""
  for (const picture of pictures) {
    const { loras, regions = null, parts = null, negativeParts = null, adapters, start } = picture.recipe
    const uses = adapters.map(({ control, ...adapter }) => [adapter, { ...control, file: null }])
    const begins = start === null ? null : { ...startOptions(start), hasMask: start.mask !== null }
    const options = JSON.stringify([
      requestOf(picture.recipe).options,
      loras,
      regions,
      parts,
      negativeParts,
      uses,
      begins,
    ])
    const group = groups.at(-1)
    const read = ({ recipe }: PlannedPicture): string => JSON.stringify([recipe.adapters, recipe.start])
    const isOther = group !== undefined && read(group[0]) !== read(picture)
    if (options === last && !(isOther && (group?.length ?? 0) >= MOST_GUIDED)) group?.push(picture)
    else groups.push([picture])
    last = options
  }
  return groups
}
