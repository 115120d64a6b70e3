import type { TrainDataset } from "@lllite/core/training"
import { encodePng } from "@lllite/runtime-node"
import { createEncodedPieces, type EncodedFacts, readEncoded, type ToEncode } from "../../pieces/encoded-piece.ts"
import type { FailedPiece, FanOut } from "../../pieces/fan-out.ts"
import { openFanOut, takePieces } from "../../pieces/fan-out.ts"
import { sha256Of } from "../../pieces/sha256.ts"
import type { Reporter } from "../../terminal/progress.ts"
import type { DatasetCacheSettings } from "./settings.ts"
import { encodingOptions } from "./settings.ts"

interface ByWorkers {
  readonly fanOut: FanOut
  readonly reporter: Reporter
  readonly signal: AbortSignal
}

/**
 * Lets workers encode what the stores of a data set lack, one piece for each picture, and writes it.
 *
 * @returns the pieces that are parked
 * @throws ServeError `redis`, `store`; InputError for files that cannot be read or written, and a model that is a folder
 */
export async function encodeByWorkers(
  settings: DatasetCacheSettings,
  dataset: TrainDataset,
  { fanOut, reporter, signal }: ByWorkers,
): Promise<readonly FailedPiece[]> {
  const open: number[] = []
  const lacks = new Map<number, Lack>()
  for (let index = 0; index < dataset.count; index++) {
    signal.throwIfAborted()
    if ((dataset.original?.(index) ?? index) !== index) continue
    const lack = await lackOf(dataset, index)
    if (!lack.latents && !lack.text) continue
    open.push(index)
    lacks.set(index, lack)
  }
  const say = (text: string): void => reporter.say("notice", { text }, `Note: ${text}`)
  for (const text of [...(dataset.texts?.notices?.() ?? []), ...(dataset.latents?.notices?.() ?? [])]) say(text)
  if (open.length === 0) return []
  const { compat = null, model, runtime } = settings
  const pieces = await createEncodedPieces(model, { compat, runtime, ...encodingOptions(settings) })
  let done = 0
  return takePieces(
    await openFanOut(fanOut),
    open,
    async (index) => {
      const { views, ...example } = await toEncode(dataset, index, lacks.get(index))
      const pictures = views.map(sha256Of)
      // Pictures are encoded again when the store lacks them. Kept, those of all that waits would fill the memory.
      const read = async (sha256: string): Promise<Uint8Array> => {
        const again = await toEncode(dataset, index, lacks.get(index))
        return again.views[pictures.indexOf(sha256)] ?? new Uint8Array(0)
      }
      return { piece: pieces.of(example, pictures), read }
    },
    {
      ...{ reporter, signal },
      async take({ index, files, facts }) {
        const { latents, text } = readEncoded(files, facts as EncodedFacts)
        if (latents.length > 0) await dataset.latents?.write(index, latents)
        if (text !== null) await dataset.texts?.write(index, text)
        done += 1
        reporter.progress("encode pictures", done, open.length)
      },
    },
  )
}

/** What the stores lack of an example. */
interface Lack {
  readonly latents: boolean
  readonly text: boolean
}

async function lackOf({ latents, texts, augmentation, changingCaption }: TrainDataset, index: number): Promise<Lack> {
  const isFixed = augmentation?.(index).varies !== true
  const isPlain = changingCaption?.(index) == null
  return {
    latents: latents !== undefined && isFixed && !(await latents.has(index)),
    text: texts !== undefined && isPlain && !(await texts.has(index)),
  }
}

/** What is to be encoded of an example: its caption, and PNGs of the fitted picture as it is and mirrored. */
async function toEncode(
  dataset: TrainDataset,
  index: number,
  { latents, text }: Lack = { latents: false, text: false },
): Promise<ToEncode & { readonly views: readonly Uint8Array[] }> {
  const ways = latents ? (dataset.augmentation?.(index).flips === true ? [false, true] : [false]) : []
  const views: Uint8Array[] = []
  for (const isFlipped of ways) {
    views.push(encodePng((await dataset.example(index, { isFlipped, draws: null })).image))
  }
  const caption = text ? (dataset.captionOf?.(index) ?? (await dataset.example(index)).caption) : null
  return { index, caption, views }
}
