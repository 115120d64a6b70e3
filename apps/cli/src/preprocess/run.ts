import { realpath } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { basename, dirname, extname, join, parse, resolve } from "node:path"
import type { Preprocessing } from "@lllite/core/image"
import { preprocessingText } from "@lllite/core/image"
import type { PictureWithTraits, PreprocessThreads } from "@lllite/runtime-node"
import {
  examineImage,
  IMAGE_EXTENSIONS,
  InputError,
  listPictures,
  pictureNotices,
  readImageSize,
  startPreprocessing,
  tryOutputs,
  writePng,
} from "@lllite/runtime-node"
import { InterruptedError, UsageError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { plural } from "../terminal/text.ts"

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

interface Job {
  readonly input: string
  readonly output: string
}

/** Threads that work at once. Each holds a picture several times. */
const MOST_THREADS = 4

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
  await examineInputs(jobs)
  await tryOutputs(
    jobs.map(({ output }) => output),
    { existing },
  )
  const count = Math.min(jobs.length, MOST_THREADS, availableParallelism())
  const threads = startPreprocessing(count)
  const stop = (): void => void threads.close()
  signal.addEventListener("abort", stop)
  const examined: PictureWithTraits[] = []
  let written = 0
  const queue = jobs.values()
  const work = async (): Promise<void> => {
    for (const job of queue) {
      signal.throwIfAborted()
      examined.push(await makePicture(job, preprocessing, threads, existing))
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
    for (const text of pictureNotices(examined)) say(text)
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

/**
 * Which picture becomes which file. One picture may become a file with the ending `.png`. All else goes into a folder.
 *
 * @throws InputError for another ending, or two pictures with one name
 */
function planJobs(inputs: readonly string[], out: string): readonly Job[] {
  const pictures = [...new Set(inputs)]
  const [first = ""] = pictures
  const ending = extname(out).toLowerCase()
  if (ending !== "" && (IMAGE_EXTENSIONS as readonly string[]).includes(ending) && !/[\\/]$/.test(out)) {
    if (ending !== ".png") {
      throw new InputError(
        "not-a-file",
        `cannot write "${out}": pictures are written as PNG. Choose a name that ends with .png.`,
      )
    }
    if (pictures.length === 1) return [{ input: first, output: out }]
    throw new InputError(
      "not-a-folder",
      `cannot write ${pictures.length} pictures into "${out}", which is the name of one. Expected a folder.`,
    )
  }
  const jobs = pictures.map((input) => ({ input, output: join(out, `${parse(basename(input)).name}.png`) }))
  const taken = new Map<string, string>()
  for (const { input, output } of jobs) {
    // Some file systems do not tell capitals from small letters.
    const name = output.normalize("NFC").toLowerCase()
    const other = taken.get(name)
    if (other !== undefined) {
      throw new UsageError(
        "options",
        `"${other}" and "${input}" would both be written as "${output}". Rename one, or write them into two folders.`,
      )
    }
    taken.set(name, input)
  }
  return jobs
}

/** Refuses an output that is an input. @throws InputError */
async function expectInputsStay(jobs: readonly Job[]): Promise<void> {
  const inputs = new Set(await Promise.all(jobs.map(({ input }) => realpath(input))))
  for (const { output } of jobs) {
    const place = await realpath(output).catch(async () => {
      const folder = await realpath(dirname(output)).catch(() => null)
      return folder === null ? resolve(output) : join(folder, basename(output))
    })
    if (!inputs.has(place)) continue
    throw new UsageError("options", `"${output}" is an input, and inputs are never replaced. Choose another folder.`)
  }
}

/** Reads all headers. @throws InputError with every picture that cannot be read */
async function examineInputs(jobs: readonly Job[]): Promise<void> {
  const problems: { readonly where: string; readonly text: string }[] = []
  for (const { input } of jobs) {
    await readImageSize(input).catch((error: unknown) => {
      if (!(error instanceof InputError) || error.code === "sharp-missing") throw error
      problems.push({ where: "preprocess", text: error.message.replace(/\.$/, "") })
    })
  }
  const [first] = problems
  if (first === undefined) return
  const more = problems.length === 1 ? "" : ` So are ${problems.length - 1} more of ${jobs.length}.`
  throw new InputError("not-a-picture", `${first.text}.${more}`, { problems })
}
