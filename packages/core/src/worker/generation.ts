import type { Tensor4D } from "@tensorflow/tfjs-core"
import type { TaskContext } from "../channel/server.ts"
import { CoreError } from "../errors.ts"
import type { AdapterUse } from "../generation/adapters.ts"
import { decodePictures } from "../generation/decode-pictures.ts"
import { type VaeParts, vaeParts } from "../generation/encode-pictures.ts"
import { generate } from "../generation/generate.ts"
import type { GenerateOptions, PictureRequest } from "../generation/request.ts"
import type { RgbImage } from "../image.ts"
import { listText } from "../list-text.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { memoryError } from "../runtime/memory-error.ts"
import type { RuntimeTasks, RuntimeTypes, SentGenerateOptions } from "../runtime/tasks.ts"

type GenerateTask = RuntimeTasks<RuntimeTypes>["generate"]

/** Makes the pictures of one batch. With previews, every step has estimates of them. */
export async function* generateBatch(
  sdxl: Sdxl,
  requests: readonly PictureRequest[],
  {
    previews = false,
    ...options
  }: Omit<SentGenerateOptions, "adapters" | "controlNets" | "loras"> & Pick<GenerateOptions, "controlNets" | "loras">,
  adapters: readonly AdapterUse[],
  context: TaskContext,
): AsyncGenerator<GenerateTask["yields"], null, void> {
  try {
    for await (const event of generate(sdxl, requests, { ...options, adapters, ...context })) {
      if (event.kind !== "step") yield event
      else {
        const { denoised, ...step } = event
        yield { ...step, previews: previews ? await decode(sdxl, denoised, options) : [] }
      }
    }
  } catch (error) {
    throw roomError(error, requests.length, options)
  }
  return null
}

/** Decodes latents. latents: [N, H, W, 4] → N pictures of 8·H by 8·W */
async function decode(sdxl: Sdxl, latents: Tensor4D, options: VaeParts): Promise<RgbImage[]> {
  const images: RgbImage[] = []
  sdxl.ops.trim?.()
  for await (const image of decodePictures(sdxl, latents, vaeParts(options))) images.push(image)
  sdxl.ops.trim?.()
  return images
}

/** What helps a picture that does not fit the memory. Other errors stay. */
function roomError(
  error: unknown,
  pictures: number,
  { width, height, tiles = null }: Pick<GenerateOptions, "width" | "height" | "tiles">,
): unknown {
  const full = error instanceof Error && "code" in error && ROOM_CODES.has(error.code) ? error : memoryError(error)
  if (full === null) return error
  const what = `${pictures === 1 ? "a picture" : `a batch of ${pictures} pictures`} of ${width}×${height} px`
  const cures = [
    ...(pictures > 1 ? ["a smaller batch"] : []),
    ...(tiles === null ? [`tiles of about ${USUAL_SIDE} px`] : ["smaller tiles"]),
    ...["a smaller picture", "another backend"],
  ]
  return new CoreError(
    "no-room",
    `generate: ${what} does not fit the memory (${full.message.replace(/\. .*/s, "")}). Use ${listText(cures, "or")}.`,
    { cause: error },
  )
}

/** The side that SDXL was trained with, in pixels. */
const USUAL_SIDE = 1024

/** Codes of errors about memory, of core and of the WASM backend. */
const ROOM_CODES: ReadonlySet<unknown> = new Set(["no-room", "heap-full"])
