import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { TaskContext } from "../channel/server.ts"
import type { AdapterUse, PictureRequest } from "../generate.ts"
import { generate } from "../generate.ts"
import type { RgbImage } from "../image.ts"
import { floatsToImage } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { decodeLatents } from "../models/vae/vae.ts"
import type { RuntimeTasks, RuntimeTypes, SentGenerateOptions } from "../runtime/tasks.ts"

type GenerateTask = RuntimeTasks<RuntimeTypes>["generate"]

/** Makes the pictures of one batch, with estimates of them at every step where they are asked for. */
export async function* generateBatch(
  sdxl: Sdxl,
  requests: readonly PictureRequest[],
  { previews = false, ...options }: Omit<SentGenerateOptions, "adapters">,
  adapters: readonly AdapterUse[],
  vaeSlices: number,
  context: TaskContext,
): AsyncGenerator<GenerateTask["yields"], null, void> {
  for await (const event of generate(sdxl, requests, { ...options, vaeSlices, adapters, ...context })) {
    if (event.kind === "image") yield event
    else {
      const { denoised, ...step } = event
      yield { ...step, previews: previews ? await decode(sdxl, denoised, vaeSlices) : [] }
    }
  }
  return null
}

/** Latents as pictures. latents: [N, H, W, 4] → N pictures of 8·H by 8·W */
async function decode({ ops, vae }: Sdxl, latents: Tensor4D, slices: number): Promise<RgbImage[]> {
  const images: RgbImage[] = []
  const [count, rows, columns, channels] = latents.shape
  ops.trim?.()
  for (let index = 0; index < count; index++) {
    const picture = tf.tidy(() =>
      decodeLatents(ops, vae, tf.slice(latents, [index, 0, 0, 0], [1, rows, columns, channels]), { slices }),
    )
    images.push(floatsToImage(await picture.data<"float32">(), 8 * columns, 8 * rows))
    picture.dispose()
  }
  ops.trim?.()
  return images
}
