import type { TrainDataset } from "@lllite/core/training"
import { examineModel } from "../../model/examine-model.ts"
import { startRuntime } from "../../model/start-runtime.ts"
import type { FanOut } from "../../pieces/fan-out.ts"
import { parkedPieces } from "../../pieces/fan-out.ts"
import type { Reporter } from "../../terminal/progress.ts"
import { plural } from "../../terminal/text.ts"
import { checkCachedCaptions, examineCachedParts, openTrainingSet } from "../../train/cached-set.ts"
import { examineFolders } from "../../train/training-set.ts"
import { holdOut, type TrainingSet } from "../../train/validation/hold-out.ts"
import { heldOutSeed } from "../../train/validation/validation-settings.ts"
import type { CacheReader, DatasetCacheSettings } from "./settings.ts"
import { encodingOptions } from "./settings.ts"

/** The reader of the data set. */
const CACHE = {
  label: "dataset cache",
  ownOption: "It is an option of train. Put it into the file of --config_file, or on the command line.",
} as const

/**
 * Examines the model and the data set. The reader keeps the problems.
 *
 * @returns the pairs that train. Null if there is a problem with them
 */
export async function examineCaches(
  reader: CacheReader,
  settings: DatasetCacheSettings,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<TrainingSet | null> {
  const { examine } = reader
  const model = await examineModel(reader, "pretrainedModelNameOrPath", settings.model, () => {})
  const parts = await examineCachedParts(reader, settings, model?.isWhole === true, signal)
  if (!(await examineFolders(reader, settings.dataset))) return null
  const keys =
    "config" in settings.dataset.source
      ? (["datasetConfig"] as const)
      : (["trainDataDir", "conditioningDataDir", "resolution", "bucketResoSteps"] as const)
  const dataset = await examine(["validationSplit", ...keys], async () =>
    holdOut(await openTrainingSet(settings, CACHE, parts, reporter, signal), heldOutSeed(reader.settings)),
  )
  if (!settings.isChosen) return dataset
  await examine(["cacheTextEncoderOutputsToDisk"], async () =>
    checkCachedCaptions({ ...settings, cacheTextEncoderOutputs: false }, dataset),
  )
  return dataset
}

/**
 * Makes the files of caches that are missing. `examineCaches` gives the data set.
 *
 * @throws InputError, CoreError naming what is wrong; ServeError `redis`, `store`; UsageError when pieces are parked; the
 * signal's reason when aborted
 */
export async function runCache(
  settings: DatasetCacheSettings,
  examined: TrainingSet,
  fanOut: FanOut | null,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const say = (text: string): void => reporter.say("notice", { text }, `Note: ${text}`)
  for (const text of [...settings.notices, ...examined.notices, ...unkeptNotices(settings, examined)]) say(text)
  const { dataset, made } = counting(keepable(settings, examined))
  if (fanOut === null) await encodeHere(settings, dataset, reporter, signal)
  else {
    const { encodeByWorkers } = await import("./by-workers.ts")
    const failed = await encodeByWorkers(settings, dataset, { fanOut, reporter, signal })
    if (failed.length > 0) {
      const complete = examined.pictures - failed.length
      throw parkedPieces(failed, `the caches of ${complete} of ${plural(examined.pictures, "picture")} are complete`)
    }
  }
  const { latents, texts } = made()
  const counts = [
    ...(dataset.latents === undefined ? [] : [`${plural(latents, "file")} of latents`]),
    ...(dataset.texts === undefined ? [] : [`${plural(texts, "file")} of encoded captions`]),
  ]
  const { pictures } = examined
  reporter.say(
    "done",
    { pictures, latents, texts },
    `Made ${counts.join(" and ")}, for ${plural(pictures, "picture")}.`,
  )
}

async function encodeHere(
  settings: DatasetCacheSettings,
  dataset: TrainDataset,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const runtime = await startRuntime(settings.runtime, reporter, signal)
  try {
    const { checkpoint, ...parts } = settings.model
    reporter.say("load", { ...settings.model }, `Loading ${checkpoint} …`)
    const projection = settings.compat === undefined ? {} : { projection: settings.compat }
    const sdxl = await runtime.loadSdxl(checkpoint, { ...projection, ...parts, signal })
    for await (const event of sdxl.cache(dataset, { ...encodingOptions(settings), signal })) {
      if (event.kind === "cache") reporter.progress("encode pictures", event.done, event.count)
      // Of captions, the data set has said the same before.
      else if (event.about !== "captions") reporter.say("notice", { text: event.text }, `Note: ${event.text}`)
    }
  } finally {
    await runtime.dispose()
  }
}

/** Whether captions change, so that `train` keeps none of their texts. */
function keepsNoTexts({ isChosen }: DatasetCacheSettings, { changingCaptions }: TrainingSet): boolean {
  return !isChosen && changingCaptions > 0
}

function unkeptNotices(settings: DatasetCacheSettings, dataset: TrainingSet): readonly string[] {
  let varying = 0
  for (let index = 0; index < dataset.count; index++) {
    if ((dataset.original?.(index) ?? index) === index && dataset.augmentation?.(index).varies === true) varying += 1
  }
  return [
    ...(keepsNoTexts(settings, dataset)
      ? ["Captions differ from step to step, so encoded captions are not kept. train encodes them in its steps."]
      : []),
    ...(varying === 0 || !settings.cacheLatentsToDisk
      ? []
      : [
          `${varying} of ${plural(dataset.pictures, "picture")} ${varying === 1 ? "changes" : "change"} from step to step, so latents of ${varying === 1 ? "it" : "them"} are not kept.`,
        ]),
  ]
}

/** The data set with the stores that `train` would use. */
function keepable(settings: DatasetCacheSettings, dataset: TrainingSet): TrainDataset {
  if (!keepsNoTexts(settings, dataset)) return dataset
  const { texts: _, ...rest } = dataset
  return rest
}

/** The data set with stores that count what is written. */
function counting(dataset: TrainDataset): {
  readonly dataset: TrainDataset
  readonly made: () => { readonly latents: number; readonly texts: number }
} {
  let [ofLatents, ofTexts] = [0, 0]
  const { latents, texts } = dataset
  return {
    made: () => ({ latents: ofLatents, texts: ofTexts }),
    dataset: {
      ...dataset,
      ...(latents === undefined
        ? {}
        : {
            latents: {
              ...latents,
              async write(index, values) {
                await latents.write(index, values)
                ofLatents += 1
              },
            },
          }),
      ...(texts === undefined
        ? {}
        : {
            texts: {
              ...texts,
              async write(index, text) {
                await texts.write(index, text)
                ofTexts += 1
              },
            },
          }),
    },
  }
}
