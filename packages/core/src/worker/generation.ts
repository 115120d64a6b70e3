import type { Tensor4D } from "@tensorflow/tfjs-core"
import type { TaskContext } from "../channel/server.ts"
import type { AdapterUse } from "../generation/adapters.ts"
import { decodePictures } from "../generation/decode-pictures.ts"
import { generate } from "../generation/generate.ts"
import type { GenerateOptions, PictureRequest } from "../generation/request.ts"
import type { RgbImage } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
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
  vaeSlices: number,
  context: TaskContext,
): AsyncGenerator<GenerateTask["yields"], null, void> {
  for await (const event of generate(sdxl, requests, { ...options, vaeSlices, adapters, ...context })) {
    if (event.kind !== "step") yield event
    else {
      const { denoised, ...step } = event
      yield { ...step, previews: previews ? await decode(sdxl, denoised, vaeSlices) : [] }
    }
  }
  return null
}

/** Decodes latents. latents: [N, H, W, 4] → N pictures of 8·H by 8·W */
async function decode(sdxl: Sdxl, latents: Tensor4D, vaeSlices: number): Promise<RgbImage[]> {
  const images: RgbImage[] = []
  sdxl.ops.trim?.()
  for await (const image of decodePictures(sdxl, latents, { vaeSlices })) images.push(image)
  sdxl.ops.trim?.()
  return images
}
