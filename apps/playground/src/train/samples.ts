import type { RgbImage } from "@lllite/core/image"
import type { LlliteModel } from "@lllite/core/models"
import { SIZE } from "../pictures/canvas-image.ts"
import type { HeldOut } from "./pairs.ts"
import type { TrainingModel } from "./train-state.ts"

/** How held-out pictures are drawn. */
export const DRAWING = { steps: 8, guidanceScale: 1.5, seed: 7 } as const

/**
 * Draws held-out controls with an LLLite or without one.
 *
 * @throws the signal's reason when aborted, and what the generation throws
 */
export async function drawHeldOut(
  { runtime, sdxl }: TrainingModel,
  heldOut: readonly HeldOut[],
  lllite: LlliteModel | null,
  signal: AbortSignal,
): Promise<readonly RgbImage[]> {
  const { seed, steps, guidanceScale } = DRAWING
  const adapter = lllite === null ? null : await runtime.loadAdapter(lllite, sdxl)
  const adapters = adapter === null ? [] : [{ adapter, control: heldOut.map(({ control }) => control) }]
  const requests = heldOut.map(({ caption }) => ({ prompt: caption, seed }))
  try {
    const images: RgbImage[] = []
    const options = { width: SIZE, height: SIZE, steps, guidanceScale, adapters, signal }
    for await (const event of sdxl.generate(requests, options)) if (event.kind === "image") images.push(event.image)
    return images
  } finally {
    await adapter?.dispose()
  }
}
