import { realpath, stat } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { basename, join, resolve } from "node:path"
import type { Preprocessing } from "@lllite/core/image"
import { preprocessingText } from "@lllite/core/image"
import type { ImageSize, PictureWithTraits, PreprocessThreads } from "@lllite/runtime-node"
import {
  encodePng,
  examineImage,
  InputError,
  listPictures,
  mapInParallel,
  pictureNotices,
  startPreprocessing,
  tryOutputs,
  writePng,
} from "@lllite/runtime-node"
import { parkedPieces } from "../../pieces/fan-out.ts"
import { examineInputs, expectInputsStay, planJobs } from "../../preprocess/jobs.ts"
import { MOST_THREADS } from "../../preprocess/run.ts"
import { InterruptedError, UsageError } from "../../terminal/errors.ts"
import type { Reporter } from "../../terminal/progress.ts"
import { plural } from "../../terminal/text.ts"
import { findCaptions } from "./captions.ts"
import type { DatasetFile } from "./dataset-file.ts"
import { trainingSize } from "./dataset-file.ts"
import { CONFIG_NAME, finishSet, sayDryRun } from "./finish.ts"
import { expectNoOthers } from "./folder-state.ts"
import { compareSettings, differentSettings, SETTINGS_NAME, writeSettings } from "./made-with.ts"
import { exists, marked, otherFiles, stateOf } from "./marked-files.ts"
import { copyPicture, isCopy, type PairJob } from "./pair-job.ts"
import { makeByWorkers } from "./pictures-by-workers.ts"
import type { MakePlan } from "./settings.ts"
import { givenSettings } from "./settings.ts"

/** Milliseconds between two reports about the headers of pictures. */
const REPORT_EVERY = 500

/**
 * Makes controls for the pictures of a folder. All inputs and outputs are examined before the first is made. A run that
 * was stopped or killed continues, and ends with the same files.
 *
 * @throws InputError, CoreError naming what is wrong; InterruptedError when stopped
 */
export async function makeFromPictures(
  { reader, prep, fanOut }: MakePlan,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const { outdir, fromPictures = "", copy, force, dryRun } = reader.settings
  const say = (text: string): void => reporter.say("notice", { text }, `Note: ${text}`)
  const settings = givenSettings(reader, preprocessingText(prep), { from_pictures: resolve(fromPictures) })
  const { isBegun, differences } = await compareSettings(outdir, settings)
  if (differences.length > 0 && !force) throw differentSettings(outdir, differences)
  const pictures = await listFolder(fromPictures, copy, say)
  const controlDir = join(outdir, "controls")
  const controls = planJobs(pictures, controlDir)
  await expectInputsStay(controls)
  const imageDir = copy ? join(outdir, "images") : fromPictures
  if (copy) await expectOtherFolder(fromPictures, imageDir)
  let reported = performance.now()
  const sizes = await examineInputs(pictures, "dataset make", {
    signal,
    onProgress: (done) => {
      // A small folder takes less time than one report.
      if (performance.now() - reported < REPORT_EVERY) return
      reported = performance.now()
      reporter.progress("list pictures", done, pictures.length)
    },
  })
  const captions = await findCaptions(fromPictures, pictures, reader.settings.captionExtension)
  // The pictures of a folder are different ones, so there is a control for each, in order.
  const inputs = controls.map((job, i) => ({ ...job, size: sizes[i] as ImageSize, caption: captions.paths[i] ?? null }))
  const jobs = await mapInParallel(inputs, async (input): Promise<PairJob> => {
    signal.throwIfAborted()
    return examineJob(input, prep, copy ? imageDir : null, force)
  })
  await expectNoOthers(controlDir, new Set(jobs.map(({ control }) => basename(control))))
  if (copy) await expectNoOthers(imageDir, new Set(pictures.map((path) => basename(path))))
  const others = await otherOutputs(jobs, signal)
  if (others.length > 0 && !force) throw otherFiles(others)
  const missing = jobs.filter(({ isFinished }) => !isFinished)
  const file: DatasetFile = {
    ...{ imageDir, controlDir, captionExtension: captions.extension, prep: preprocessingText(prep) },
    ...{ batchSize: reader.settings.trainBatchSize, repeats: reader.settings.numRepeats },
    fit: trainingSize(sizes, reader.settings.resolution),
  }
  const without = captions.paths.filter((path) => path === null).length
  if (without > 0) {
    say(
      `${without} of ${plural(pictures.length, "picture")} have no caption with the extension ${captions.extension}. Training uses an empty caption.`,
    )
  }
  const threads = startPreprocessing(Math.max(1, Math.min(missing.length, MOST_THREADS, availableParallelism())))
  const stop = (): void => void threads.close()
  signal.addEventListener("abort", stop)
  const examined = new Map<PairJob, PictureWithTraits>()
  let made = 0
  try {
    if (dryRun) {
      await sayPlan(jobs, missing, file, { outdir, copy }, threads, prep, reporter)
      return
    }
    await tryOutputs([join(outdir, SETTINGS_NAME), join(outdir, CONFIG_NAME), ...missing.map(({ control }) => control)])
    if (!isBegun || differences.length > 0) await writeSettings(outdir, settings)
    const before = jobs.length - missing.length
    reporter.progress("make pairs", before, jobs.length)
    const take = (job: PairJob, picture: PictureWithTraits): void => {
      examined.set(job, picture)
      made += 1
      reporter.progress("make pairs", before + made, jobs.length)
      reporter.say("file", { path: job.control, input: job.picture }, job.control)
    }
    if (fanOut !== null) {
      const failed = await makeByWorkers(missing, { fanOut, prep, force, take, reporter, signal })
      if (failed.length > 0)
        throw parkedPieces(failed, `${before + made} of ${plural(jobs.length, "pair")} are complete`)
    } else {
      await mapInParallel(missing, async (job) => {
        signal.throwIfAborted()
        take(job, await makePair(job, prep, threads, force))
      })
    }
  } catch (error) {
    if (!signal.aborted) throw error
    const finished = jobs.length - missing.length + made
    throw new InterruptedError(
      `stopped. ${finished} of ${plural(jobs.length, "pair")} are complete. The same command continues`,
    )
  } finally {
    signal.removeEventListener("abort", stop)
    await threads.close()
    for (const text of pictureNotices(missing.flatMap((job) => examined.get(job) ?? []))) say(text)
  }
  await finishSet({ folder: outdir, pairs: jobs.length, made, file, force }, reporter)
}

/** The pictures of a folder. @throws InputError for pictures in formats that training would refuse */
async function listFolder(folder: string, copy: boolean, say: (text: string) => void): Promise<readonly string[]> {
  const found = await stat(folder).catch(() => null)
  if (found !== null && !found.isDirectory()) {
    throw new InputError(
      "not-a-folder",
      `"${folder}" is ${found.isFile() ? "a file" : "a device or a pipe"}, expected a folder of pictures.`,
    )
  }
  const unread: string[] = []
  const pictures = await listPictures([folder], (text) => unread.push(text))
  const [first] = unread
  if (copy) for (const text of unread) say(text)
  else if (first !== undefined) {
    throw new InputError(
      "not-a-picture",
      `${first.replace(/, and (is|are) passed over/, "")} Training would refuse the folder. With --copy, such pictures are left out.`,
    )
  }
  return pictures
}

async function expectOtherFolder(from: string, to: string): Promise<void> {
  const [a, b] = await Promise.all([from, to].map((path) => realpath(path).catch(() => resolve(path))))
  if (a !== b) return
  throw new UsageError(
    "options",
    `"${to}" is the folder of the pictures. Leave out --copy, or choose another --outdir.`,
  )
}

interface Input {
  readonly input: string
  readonly output: string
  readonly size: ImageSize
  readonly caption: string | null
}

async function examineJob(
  { input, output, size, caption }: Input,
  prep: Preprocessing,
  imageDir: string | null,
  force: boolean,
): Promise<PairJob> {
  const mark = JSON.stringify({ prep: preprocessingText(prep), of: basename(input), bytes: (await stat(input)).size })
  const copy = imageDir === null ? null : join(imageDir, basename(input))
  const to = imageDir === null || caption === null ? null : join(imageDir, basename(caption))
  const hasCopy = copy === null || (await isCopy(input, copy))
  const hasCaption = to === null || ((await exists(to)) && (!force || (await isCopy(caption ?? "", to))))
  return {
    ...{ picture: input, copy, control: output, mark, size },
    caption: to === null || caption === null ? null : { from: caption, to },
    isFinished: hasCopy && hasCaption && (await stateOf(output, mark)) === "finished",
  }
}

/** Outputs that are there and are something else. */
async function otherOutputs(jobs: readonly PairJob[], signal: AbortSignal): Promise<readonly string[]> {
  const others = await mapInParallel(
    jobs.filter(({ isFinished }) => !isFinished),
    async ({ control, mark, picture, copy }) => {
      signal.throwIfAborted()
      const isOtherCopy = copy !== null && (await exists(copy)) && !(await isCopy(picture, copy))
      return [...(isOtherCopy ? [copy] : []), ...((await stateOf(control, mark)) === "other" ? [control] : [])]
    },
  )
  return others.flat()
}

async function makePair(
  job: PairJob,
  prep: Preprocessing,
  threads: PreprocessThreads,
  force: boolean,
): Promise<PictureWithTraits> {
  const { picture, control, mark } = job
  const { image, traits } = await examineImage(picture)
  await copyPicture(job, force)
  await writePng(control, await threads.run(image, prep), marked(mark))
  return { path: picture, traits }
}

/** Pictures whose controls are made in memory to estimate the rest. */
const SAMPLES = 3

async function sayPlan(
  jobs: readonly PairJob[],
  missing: readonly PairJob[],
  file: DatasetFile,
  { outdir, copy }: { readonly outdir: string; readonly copy: boolean },
  threads: PreprocessThreads,
  prep: Preprocessing,
  reporter: Reporter,
): Promise<void> {
  const copies = await Promise.all(
    missing.map(async ({ picture, copy }) => (copy === null || (await exists(copy)) ? 0 : (await stat(picture)).size)),
  )
  const copied = copies.reduce((sum, bytes) => sum + bytes, 0)
  const most = missing.reduce((sum, { size }) => sum + 3 * size.width * size.height, 0)
  const step = Math.max(1, Math.floor(missing.length / SAMPLES))
  const samples = missing.filter((_, i) => i % step === 0).slice(0, SAMPLES)
  let [bytes, pixels] = [0, 0]
  for (const { picture, size, mark } of samples) {
    const { image } = await examineImage(picture)
    bytes += encodePng(await threads.run(image, prep), marked(mark)).length
    pixels += size.width * size.height
  }
  const likely = pixels === 0 ? 0 : (bytes / pixels) * (most / 3)
  const captions = jobs.filter(({ caption }) => caption !== null).length
  const { resolution, buckets } = file.fit
  await sayDryRun(
    {
      ...{ folder: outdir, pairs: jobs.length, finished: jobs.length - missing.length },
      facts: [
        ["Pictures", copy ? `copied into ${file.imageDir}` : `stay in ${file.imageDir}`],
        [
          "Captions",
          copy ? `${captions} copied, ${file.captionExtension}` : `stay beside the pictures, ${file.captionExtension}`,
        ],
        ["Controls", `${file.prep.replace(/:$/, "")}, into ${file.controlDir}`],
        [
          "Training",
          `${resolution.join("x")}${buckets === null ? "" : `, in buckets from ${buckets.min} to ${buckets.max}`}`,
        ],
      ],
      mostBytes: most + copied,
      likelyBytes: Math.round(likely + copied),
    },
    reporter,
  )
}
