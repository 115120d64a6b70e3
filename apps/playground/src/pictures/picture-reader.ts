import type { ControlPreparation, RgbImage } from "@lllite/core/image"
import { PageError, problemOf, type Sentence, sentence } from "../language/sentence.ts"
import type { FittedPicture } from "./fit-picture.ts"
import { drawnSvg, isSvg } from "./svg-picture.ts"

/*
 * Reads pictures in a worker, so that a large one does not hold up the page.
 */

/** What the worker is asked. */
export type PictureTask =
  | {
      readonly kind: "read"
      readonly file: Blob
      readonly size: number
      /** The size of the picture that a control belongs to. */
      readonly like: FittedPicture["original"] | null
    }
  | { readonly kind: "control"; readonly image: RgbImage; readonly preparation: ControlPreparation }

export type PictureAnswer = { readonly id: number } & (
  | { readonly picture: FittedPicture }
  | { readonly image: RgbImage }
  | { readonly problem: Sentence }
)

interface Waiting {
  readonly resolve: (answer: PictureAnswer) => void
  readonly reject: (error: Error) => void
}

let worker: Worker | null = null
let lastId = 0
const waiting = new Map<number, Waiting>()

/**
 * Reads a picture file and fits it into a square, as `fitPicture` does.
 *
 * @param like the size of the picture that a control belongs to. Default: its own
 * @throws PageError when the browser cannot read it or it is too large
 */
export async function readPicture(
  file: Blob,
  size: number,
  like: FittedPicture["original"] | null = null,
): Promise<FittedPicture> {
  const readable = file instanceof File && isSvg(file) ? await drawnSvg(file, size) : file
  const answer = await ask({ kind: "read", file: readable, size, like })
  if ("picture" in answer) return answer.picture
  throw new PageError(sentence("page", "otherAnswer"))
}

/** Makes the control of a picture, in its size. @throws PageError when the worker cannot */
export async function makeControl(image: RgbImage, preparation: ControlPreparation): Promise<RgbImage> {
  const answer = await ask({ kind: "control", image, preparation })
  if ("image" in answer) return answer.image
  throw new PageError(sentence("page", "otherAnswer"))
}

function ask(task: PictureTask): Promise<PictureAnswer> {
  const id = ++lastId
  const reader = worker ?? start()
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject })
    reader.postMessage({ id, task })
  })
}

function start(): Worker {
  const reader = new Worker(new URL("./picture-worker.ts", import.meta.url), { type: "module" })
  worker = reader
  reader.addEventListener("message", ({ data }: MessageEvent<PictureAnswer>) => {
    const asked = waiting.get(data.id)
    waiting.delete(data.id)
    if ("problem" in data) asked?.reject(new PageError(data.problem))
    else asked?.resolve(data)
  })
  reader.addEventListener("error", ({ message }) => {
    reader.terminate()
    worker = null
    const cause = message ? problemOf(message) : sentence("pictures", "workerNotLoaded")
    for (const { reject } of waiting.values()) reject(new PageError(sentence("pictures", "workerFailed", cause)))
    waiting.clear()
  })
  return reader
}
