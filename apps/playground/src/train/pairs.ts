import type { RgbImage } from "@lllite/core/image"
import type { TrainDataset } from "@lllite/core/training"
import type { DrawnPair } from "@lllite/tiny"
import { datasetOfPairs, trainingDrawing } from "@lllite/tiny"
import { edgesOf } from "../pictures/canvas-image.ts"

/** A picture, its edges, and its caption. */
export type TrainingPair = DrawnPair

/** Draws pairs: the first `count` of those that the tiny SDXL was trained on. */
export function drawPairs(count: number): readonly TrainingPair[] {
  return Array.from({ length: count }, (_, index) => {
    const { image, caption } = trainingDrawing(index)
    return pairOf(`drawing ${index + 1}`, image, caption)
  })
}

/** A pair of a picture and its edges. */
export function pairOf(name: string, image: RgbImage, caption: string): TrainingPair {
  return { name, image, control: edgesOf(image), caption }
}

/** The data set of pairs. */
export function datasetOf(pairs: readonly TrainingPair[]): TrainDataset {
  return datasetOfPairs(pairs.length, (index) => pairs[index])
}

/** The caption in the file name of a picture: `a-red_star (2).png` gives "a red star". */
export function captionOfFile(name: string): string {
  return name
    .replace(/\.[^.]*$/, "")
    .replaceAll(/[_-]+/g, " ")
    .replaceAll(/\s*\(\d+\)|\s+\d+$/g, "")
    .trim()
}
