import { availableParallelism } from "node:os"
import type { Preprocessing } from "@lllite/core/image"
import { preprocessingText } from "@lllite/core/image"
import type { PictureWithTraits, PreprocessThreads } from "@lllite/runtime-node"
import {
  examineImage,
  listPictures,
  pictureNotices,
  startPreprocessing,
  tryOutputs,
  writePng,
} from "@lllite/runtime-node"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { plural } from "../terminal/text.ts"
import type { Job } from "./jobs.ts"
import { examineInputs, expectInputsStay, planJobs } from "./jobs.ts"

/** What `preprocess` does. */
export interface PreprocessSettings {
  readonly preprocessing: Preprocessing
  /** Pictures, folders and patterns. */
  readonly inputs: readonly string[]
  /** A PNG for one picture, or a folder. */
  readonly out: string
  /** Pictures that exist are replaced. */
  readonly force: boolean
}

/** Threads that work at once. Each holds a picture several times. */
export const MOST_THREADS = 4

/**
 * Makes control pictures. All inputs and outputs are examined before the first is made. Each is written as soon as it is
 * complete.
 *
 * @throws InputError, CoreError naming what is wrong; InterruptedError when stopped
 */
export async function runPreprocess(
  { preprocessing, inputs, out, force }: PreprocessSettings,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const say = (text: string): void => reporter.say("notice", { text }, `Note: ${text}`)
  const jobs = planJobs(await listPictures(inputs, say), out)
  const existing = force ? "replace" : "refuse"
  await expectInputsStay(jobs)
  await examineInputs(
    jobs.map(({ input }) => input),
    "preprocess",
  )
  await tryOutputs(
    jobs.map(({ output }) => output),
    { existing },
  )
  const count = Math.min(jobs.length, MOST_THREADS, availableParallelism())
  const threads = startPreprocessing(count)
  const stop = (): void => void threads.close()
  signal.addEventListener("abort", stop)
  const examined = new Map<Job, PictureWithTraits>()
  let written = 0
  const queue = jobs.values()
  const work = async (): Promise<void> => {
    for (const job of queue) {
      signal.throwIfAborted()
      examined.set(job, await makePicture(job, preprocessing, threads, existing))
      written += 1
      reporter.progress("preprocess", written, jobs.length)
      reporter.say("file", { path: job.output, input: job.input }, job.output)
    }
  }
  reporter.progress("preprocess", 0, jobs.length)
  try {
    await Promise.all(Array.from({ length: count }, work))
  } catch (error) {
    if (signal.aborted) throw new InterruptedError(`stopped. ${written} of ${jobs.length} pictures are written`)
    throw error
  } finally {
    signal.removeEventListener("abort", stop)
    await threads.close()
    for (const text of pictureNotices(jobs.flatMap((job) => examined.get(job) ?? []))) say(text)
  }
  reporter.say(
    "done",
    { count: written, kind: preprocessing.kind, options: preprocessing.options ?? {} },
    `${preprocessingText(preprocessing).replace(/:$/, "")}: ${plural(written, "picture")}.`,
  )
}

async function makePicture(
  { input, output }: Job,
  preprocessing: Preprocessing,
  threads: PreprocessThreads,
  existing: "replace" | "refuse",
): Promise<PictureWithTraits> {
  const { image, traits } = await examineImage(input)
  await writePng(output, await threads.run(image, preprocessing), undefined, { existing })
  return { path: input, traits }
}
