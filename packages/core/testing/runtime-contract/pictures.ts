import type { RgbImage } from "../../src/image.ts"
import type { GenerateRunOptions, SdxlHandle } from "../../src/runtime/contract.ts"

/** Width and height of all pictures, in pixels. */
export const SIDE = 64
/** Options of a short run. */
export const picture = { width: SIDE, height: SIDE, steps: 2, guidanceScale: 1.5 } as const
/** Three requests, which differ by their seeds. */
export const stars = [1, 2, 3].map((seed) => ({ prompt: "a red star", seed }))

/** The pictures of a run, in their order. */
export async function draw(
  sdxl: SdxlHandle,
  requests: typeof stars,
  options: GenerateRunOptions,
): Promise<readonly RgbImage[]> {
  const images: RgbImage[] = []
  for await (const event of sdxl.generate(requests, options)) if (event.kind === "image") images.push(event.image)
  return images
}

/** A control: a bright band across a black picture. */
export function lines(row = 20): RgbImage {
  const data = new Uint8Array(SIDE * SIDE * 3)
  data.fill(255, SIDE * row * 3, SIDE * (row + 4) * 3)
  return { width: SIDE, height: SIDE, data }
}

/** Whether both are there and have the same pixels. */
export function same(one: RgbImage | undefined, other: RgbImage | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return one.data.length === other.data.length && one.data.every((value, i) => value === other.data[i])
}
