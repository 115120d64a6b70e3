import { realpath } from "node:fs/promises"
import { basename, dirname, extname, join, parse, resolve } from "node:path"
import type { ImageSize } from "@lllite/runtime-node"
import { IMAGE_EXTENSIONS, InputError, mapInParallel, readImageSize } from "@lllite/runtime-node"
import { UsageError } from "../terminal/errors.ts"

/** A picture, and the control picture to make of it. */
export interface Job {
  readonly input: string
  readonly output: string
}

/**
 * Which picture becomes which file. One picture may become a file with the ending `.png`. All else goes into a folder.
 *
 * @throws InputError for another ending, or two pictures with one name
 */
export function planJobs(inputs: readonly string[], out: string): readonly Job[] {
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
export async function expectInputsStay(jobs: readonly Job[]): Promise<void> {
  const inputs = new Set(await Promise.all(jobs.map(({ input }) => realpath(input))))
  for (const { output } of jobs) {
    const place = await realpath(output).catch(async () => {
      const folder = await realpath(dirname(output)).catch(() => null)
      return folder === null ? resolve(output) : join(folder, basename(output))
    })
    if (!inputs.has(place)) continue
    throw new UsageError(
      "options",
      `"${output}" is an input, and inputs are never replaced. Choose another folder or name.`,
    )
  }
}

/**
 * Reads all headers, several at once.
 *
 * @param where the command, for problems
 * @returns the sizes, in order
 * @throws InputError with every picture that cannot be read, in order; the signal's reason when aborted
 */
export async function examineInputs(
  inputs: readonly string[],
  where: string,
  { signal, onProgress }: { readonly signal?: AbortSignal; readonly onProgress?: (done: number) => void } = {},
): Promise<readonly ImageSize[]> {
  let done = 0
  const found = await mapInParallel(inputs, async (input) => {
    signal?.throwIfAborted()
    const result = await readImageSize(input).catch((error: unknown) => {
      if (!(error instanceof InputError) || error.code === "sharp-missing") throw error
      return error
    })
    onProgress?.(++done)
    return result
  })
  const problems = found
    .filter((each) => each instanceof InputError)
    .map(({ message }) => ({ where, text: message.replace(/\.$/, "") }))
  const [first] = problems
  if (first === undefined) return found.filter((each): each is ImageSize => !(each instanceof InputError))
  const more = problems.length === 1 ? "" : ` So are ${problems.length - 1} more of ${inputs.length}.`
  throw new InputError("not-a-picture", `${first.text}.${more}`, { problems })
}
