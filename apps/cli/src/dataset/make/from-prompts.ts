import { createHash } from "node:crypto"
import { availableParallelism } from "node:os"
import { basename, join } from "node:path"
import { parseWeights } from "@lllite/core"
import type { Preprocessing } from "@lllite/core/image"
import { preprocessingText } from "@lllite/core/image"
import type { PreprocessThreads } from "@lllite/runtime-node"
import {
  InputError,
  mapInParallel,
  readImage,
  readImageSize,
  startPreprocessing,
  tryOutputs,
  writeAtomically,
  writePng,
} from "@lllite/runtime-node"
import { flagName } from "../../command/command.ts"
import { examineGeneration } from "../../generate/examine.ts"
import type { PictureFiles } from "../../generate/picture-files.ts"
import type { PlannedPicture } from "../../generate/plan-pictures.ts"
import { readPromptFile, wildcardsOf } from "../../generate/prompts.ts"
import { runGenerate } from "../../generate/run.ts"
import type { GenerateSettings } from "../../generate/settings.ts"
import { checkGenerateOptions, readGenerateSettings } from "../../generate/settings.ts"
import { createLocalPaths, type LocalPaths } from "../../model/local-models.ts"
import { parkedPieces } from "../../pieces/fan-out.ts"
import { InterruptedError } from "../../terminal/errors.ts"
import type { Reporter } from "../../terminal/progress.ts"
import { plural } from "../../terminal/text.ts"
import { untilStopped } from "../../terminal/until-stopped.ts"
import type { DatasetFile } from "./dataset-file.ts"
import { trainingSize } from "./dataset-file.ts"
import type { DrawnPair } from "./drawn-pair.ts"
import { CONFIG_NAME, finishSet, sayDryRun } from "./finish.ts"
import { expectNoOthers } from "./folder-state.ts"
import { compareSettings, differentSettings, SETTINGS_NAME, writeSettings } from "./made-with.ts"
import { exists, marked, otherFiles, stateOf } from "./marked-files.ts"
import { drawByWorkers } from "./prompts-by-workers.ts"
import type { MakePlan, MakeReader } from "./settings.ts"
import { checkMake, givenSettings } from "./settings.ts"

/** Pictures of one pass of the U-Net, if the options name no number. */
const BATCH = 4
const CAPTION_EXTENSION = ".txt"

/**
 * Draws pictures of prompts, and makes their controls and captions. All options and outputs are examined before the
 * model is loaded. A run that was stopped or killed continues: pictures are drawn in the same batches, so that they have
 * the same bytes.
 *
 * @throws InputError, FormatError, CoreError naming what is wrong; InterruptedError when stopped
 */
export async function makeFromPrompts(
  { reader, prep, fanOut }: MakePlan,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const { outdir, prompts = "", force, dryRun, captionExtension = CAPTION_EXTENSION } = reader.settings
  const generation = await untilStopped(planGeneration(reader, createLocalPaths(reader, reporter, signal)), signal)
  const lines = (await readPromptFile(prompts)).map(({ text }) => text)
  const settings = givenSettings(reader, preprocessingText(prep), { prompts: lines })
  const { isBegun, differences } = await compareSettings(outdir, settings)
  if (differences.length > 0 && !force) throw differentSettings(outdir, differences)
  const extension = captionExtension.startsWith(".") ? captionExtension : `.${captionExtension}`
  const [imageDir, controlDir] = [join(outdir, "images"), join(outdir, "controls")]
  const pairs = await mapInParallel([...generation.pictures.entries()], async ([index, planned]) => {
    signal.throwIfAborted()
    return examinePair(planned, { outdir, stem: String(index).padStart(6, "0"), extension, prep, force })
  })
  for (const [folder, of] of [
    [imageDir, "image"],
    [controlDir, "control"],
  ] as const)
    await expectNoOthers(folder, new Set(pairs.map((pair) => basename(pair[of]))))
  const others = pairs.flatMap(({ image, control, states }) => [
    ...(states.image === "other" ? [image] : []),
    ...(states.control === "other" ? [control] : []),
  ])
  if (others.length > 0 && !force) throw otherFiles(others)
  const isFinished = ({ states }: DrawnPair): boolean =>
    states.image === "finished" && states.control === "finished" && states.hasCaption
  const missing = pairs.filter((pair) => !isFinished(pair))
  if (dryRun) {
    const most = missing.reduce((sum, { planned }) => sum + 6 * planned.recipe.width * planned.recipe.height, 0)
    await sayDryRun(
      {
        ...{ folder: outdir, pairs: pairs.length, finished: pairs.length - missing.length },
        facts: [
          ["Pictures", `drawn with ${reader.settings.ckpt}, into ${imageDir}`],
          ["Captions", `of the prompts, ${extension}. The first is ${JSON.stringify(pairs[0]?.caption.text ?? "")}`],
          ["Controls", `${preprocessingText(prep).replace(/:$/, "")}, into ${controlDir}`],
        ],
        ...{ mostBytes: most, likelyBytes: null },
      },
      reporter,
    )
    return
  }
  const outputs = missing.flatMap(({ image, control }) => [image, control])
  await tryOutputs([join(outdir, SETTINGS_NAME), join(outdir, CONFIG_NAME), ...outputs])
  if (!isBegun || differences.length > 0) await writeSettings(outdir, settings)
  const threads = startPreprocessing(Math.min(2, availableParallelism()))
  const stop = (): void => void threads.close()
  signal.addEventListener("abort", stop)
  const progress = { made: 0, before: pairs.length - missing.length, count: pairs.length }
  const say = (pair: DrawnPair): void => {
    progress.made += 1
    reporter.say("file", { path: pair.image, control: pair.control }, pair.image)
  }
  try {
    for (const pair of missing.filter(({ states }) => states.image === "finished")) {
      signal.throwIfAborted()
      await finishPair(pair, prep, threads)
      say(pair)
    }
    if (fanOut === null) await drawPairs(generation, pairs, { prep, threads, say, progress }, reporter, signal)
    else {
      const take = (pair: DrawnPair): void => {
        say(pair)
        reporter.progress("draw pairs", progress.before + progress.made, progress.count)
      }
      const failed = await drawByWorkers(batchesOf(generation, pairs), generation, {
        fanOut,
        prep,
        take,
        reporter,
        signal,
      })
      const complete = progress.before + progress.made
      if (failed.length > 0) throw parkedPieces(failed, `${complete} of ${plural(pairs.length, "pair")} are complete`)
    }
  } catch (error) {
    if (!signal.aborted || (error instanceof InputError && error.code !== "output-exists")) throw error
    const complete = progress.before + progress.made
    throw new InterruptedError(
      `stopped. ${complete} of ${plural(pairs.length, "pair")} are complete. The same command continues`,
    )
  } finally {
    signal.removeEventListener("abort", stop)
    await threads.close()
  }
  const sizes = await mapInParallel(pairs, ({ image }) => readImageSize(image))
  const { trainBatchSize: batchSize, numRepeats: repeats, resolution } = reader.settings
  const file: DatasetFile = {
    ...{ imageDir, controlDir, captionExtension: extension, prep: preprocessingText(prep), batchSize, repeats },
    fit: trainingSize(sizes, resolution),
  }
  await finishSet({ folder: outdir, pairs: pairs.length, made: progress.made, file, force }, reporter)
}

/** The pictures to draw. Prompts are drawn again until there are as many as `--count`. */
async function planGeneration(reader: MakeReader, toLocal: LocalPaths): Promise<GenerateSettings> {
  const { prompts = "", outdir, count } = reader.settings
  const plan = async (iterations: number): Promise<GenerateSettings> => {
    const own = reader.override({
      ...{ where: "dataset make", spell: flagName },
      entries: [
        ["from_file", prompts, flagName("prompts")],
        ["n_iter", iterations, flagName("count")],
        ["outdir", join(outdir, "images"), flagName("outdir")],
      ],
    })
    checkMake(reader, own)
    checkGenerateOptions(own)
    if (!own.isGiven("wildcardDir")) await own.examine(["prompts"], () => expectNoWildcards(prompts))
    const { pictures, notices } = await examineGeneration(own, null, toLocal)
    return readGenerateSettings(own, pictures, notices)
  }
  let settings = await plan(1)
  if (count === undefined) return withoutNames(settings)
  // Groups may give another number of pictures with other seeds.
  for (let iterations = 1; settings.pictures.length < count; ) {
    const each = settings.pictures.length / iterations
    iterations = Math.max(iterations + 1, Math.ceil(count / each))
    settings = await plan(iterations)
  }
  return withoutNames({ ...settings, pictures: settings.pictures.slice(0, count) })
}

/** The settings without names of lines, because a data set numbers its files. */
function withoutNames(settings: GenerateSettings): GenerateSettings {
  if (settings.pictures.every(({ fileName }) => fileName === null)) return settings
  return {
    ...settings,
    pictures: settings.pictures.map((picture) => ({ ...picture, fileName: null })),
    notices: [...settings.notices, "--f of a prompt has no effect on a data set, whose files have numbers."],
  }
}

/** Refuses wildcards without their folder: each picture would be drawn of their names. @throws InputError */
async function expectNoWildcards(path: string): Promise<void> {
  for (const { text, where, line } of await readPromptFile(path)) {
    const [name] = wildcardsOf(text)
    if (name === undefined) continue
    throw new InputError(
      "prompt-file",
      `${where}, line ${line ?? 1} has the wildcard __${name}__, and --wildcard_dir is missing. Give the folder with ${name}.txt.`,
    )
  }
}

interface PairPlace {
  readonly outdir: string
  readonly stem: string
  readonly extension: string
  readonly prep: Preprocessing
  /** Files that were made with other settings are replaced. */
  readonly force: boolean
}

async function examinePair(
  planned: PlannedPicture,
  { outdir, stem, extension, prep, force }: PairPlace,
): Promise<DrawnPair> {
  const recipe = createHash("sha256")
    .update(JSON.stringify([planned.recipe, planned.tags], exact))
    .digest("hex")
  const marks = {
    image: JSON.stringify({ recipe }),
    control: JSON.stringify({ prep: preprocessingText(prep), recipe }),
  }
  const image = join(outdir, "images", `${stem}.png`)
  const control = join(outdir, "controls", `${stem}.png`)
  const caption = { path: join(outdir, "images", stem + extension), text: captionOf(planned.recipe.prompt, planned) }
  const state = await stateOf(image, marks.image)
  return {
    ...{ planned, image, control, caption, marks },
    states: {
      image: state,
      control: await stateOf(control, marks.control),
      // A caption that was changed by hand is kept. One of another picture is not.
      hasCaption: caption.text === "" || ((await exists(caption.path)) && !(force && state === "other")),
    },
  }
}

function exact(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value
}

/** A prompt as a caption: without the signs of weights. */
export function captionOf(prompt: string, { recipe }: Pick<PlannedPicture, "recipe">): string {
  const runs =
    recipe.prompts.syntax === "plain"
      ? [prompt]
      : parseWeights(prompt).map(({ text, isBreak }) => (isBreak ? " " : text))
  return runs.join("").replaceAll(/\s+/g, " ").trim()
}

interface Drawing {
  readonly prep: Preprocessing
  readonly threads: PreprocessThreads
  readonly say: (pair: DrawnPair) => void
  readonly progress: { readonly made: number; readonly before: number; readonly count: number }
}

/** All pairs in the batches in which they are drawn. */
function batchesOf(
  { batchSize: size = BATCH }: GenerateSettings,
  pairs: readonly DrawnPair[],
): readonly (readonly DrawnPair[])[] {
  return Array.from({ length: Math.ceil(pairs.length / size) }, (_, i) => pairs.slice(i * size, (i + 1) * size))
}

/**
 * Draws the pictures that are missing. Batches are those of all pictures: a picture may differ by rounding in another
 * batch. Of a batch in which one is missing, all are drawn, and only the missing ones are written.
 */
async function drawPairs(
  settings: GenerateSettings,
  pairs: readonly DrawnPair[],
  { prep, threads, say, progress }: Drawing,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const size = settings.batchSize ?? BATCH
  const batches = batchesOf(settings, pairs)
  const queue = batches.filter((batch) => batch.some(({ states }) => states.image !== "finished")).values()
  let batch: readonly DrawnPair[] = []
  let written = 0
  const files: PictureFiles = {
    get written() {
      return written
    },
    writeFirstStage: async () => {
      throw new Error("a data set has no pictures of first stages")
    },
    async write({ index, image }, text) {
      const pair = batch[index] as DrawnPair
      written += 1
      if (pair.states.image === "finished") return pair.image
      await writePng(pair.image, image, marked(pair.marks.image, text))
      await finishPair(pair, prep, threads)
      say(pair)
      return pair.image
    },
  }
  const quiet: Reporter = {
    ...reporter,
    // The run knows the batch alone.
    progress: (phase, done, count, figures) =>
      phase === "generate"
        ? reporter.progress("draw pairs", progress.before + progress.made + done - written, progress.count)
        : reporter.progress(phase, done, count, figures),
    say: (event, fields, text) => {
      if (event !== "file") reporter.say(event, fields, text)
    },
  }
  const next = async (): Promise<readonly PlannedPicture[] | null> => {
    const { value, done } = queue.next()
    if (done === true) return null
    batch = value
    written = 0
    return batch.map(({ planned }) => planned)
  }
  const first = batches.findIndex((each) => each.some(({ states }) => states.image !== "finished"))
  // Without a missing picture, no model is loaded.
  if (first >= 0) await runGenerate({ ...settings, batchSize: size }, quiet, signal, { files, next })
}

/** Writes the caption and the control of a picture that is there. */
async function finishPair(
  { image, control, caption, marks, states }: DrawnPair,
  prep: Preprocessing,
  threads: PreprocessThreads,
): Promise<void> {
  if (!states.hasCaption) await writeAtomically(caption.path, `${caption.text}\n`)
  if (states.control === "finished") return
  await writePng(control, await threads.run(await readImage(image), prep), marked(marks.control))
}
