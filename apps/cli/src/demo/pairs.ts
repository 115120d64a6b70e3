import type { GreyImage, RgbImage } from "@lllite/core/image"
import { canny, greyToRgb, rgbToGrey } from "@lllite/core/image"
import type { TrainDataset } from "@lllite/core/training"
import { captionOf, drawScene, heldOutSeed, makeScene, trainingSeed } from "@lllite/tiny"

/** Canny's thresholds, for controls and for measuring. */
export const CANNY_THRESHOLDS = { low: 100, high: 200 } as const

/** A drawn picture with its caption and its edges. */
export interface DrawnPair {
  readonly image: RgbImage
  readonly edges: GreyImage
  /** The edges as a control picture: white on black. */
  readonly control: RgbImage
  readonly caption: string
}

/** Edges of a picture. */
export function edgesOf(image: RgbImage): GreyImage {
  return canny(rgbToGrey(image), CANNY_THRESHOLDS)
}

function drawPair(seed: number, index: number): DrawnPair {
  const scene = makeScene(seed, index)
  const image = drawScene(scene)
  const edges = edgesOf(image)
  return { image, edges, control: greyToRgb(edges), caption: captionOf(scene) }
}

/** The first pictures that nothing was ever trained on. */
export function heldOutPairs(count: number): readonly DrawnPair[] {
  return Array.from({ length: count }, (_, index) => drawPair(heldOutSeed, index))
}

/** The first `count` pictures that the tiny SDXL was trained on, with their edges: drawn when asked for. */
export function drawnDataset(count: number): TrainDataset {
  return {
    count,
    example: async (index) => {
      const { image, control, caption } = drawPair(trainingSeed, index)
      const size: readonly [number, number] = [image.height, image.width]
      return {
        name: `drawing ${index}`,
        image,
        control,
        caption,
        size: { original: size, crop: [0, 0], target: size },
      }
    },
  }
}
