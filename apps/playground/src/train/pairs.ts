import type { RgbImage } from "@lllite/core/image"
import type { TrainDataset } from "@lllite/core/training"
import { captionOf, drawScene, makeScene, trainingSeed } from "@lllite/tiny"
import { edgesOf, SIZE } from "../pictures/canvas-image.ts"

/** A picture, its edges, and what it shows in words. */
export interface TrainingPair {
  readonly name: string
  readonly image: RgbImage
  readonly control: RgbImage
  readonly caption: string
}

/** Pairs that are drawn here: the first so many of those that the tiny SDXL was trained on. */
export function drawPairs(count: number): readonly TrainingPair[] {
  return Array.from({ length: count }, (_, index) => {
    const scene = makeScene(trainingSeed, index)
    return pairOf(`drawing ${index + 1}`, drawScene(scene, SIZE), captionOf(scene))
  })
}

/** A picture with its own edges. */
export function pairOf(name: string, image: RgbImage, caption: string): TrainingPair {
  return { name, image, control: edgesOf(image), caption }
}

/** Pairs as training reads them. */
export function datasetOf(pairs: readonly TrainingPair[]): TrainDataset {
  return {
    count: pairs.length,
    example: async (index) => {
      const { name, image, control, caption } = pairs[index] as TrainingPair
      const size = [image.height, image.width] as const
      return { name, image, control, caption, size: { original: size, crop: [0, 0], target: size } }
    },
  }
}

/** The words in a picture's file name, which is what people have: `a-red_star (2).png` says "a red star". */
export function captionOfFile(name: string): string {
  return name
    .replace(/\.[^.]*$/, "")
    .replaceAll(/[_-]+/g, " ")
    .replaceAll(/\s*\(\d+\)|\s+\d+$/g, "")
    .trim()
}
