import type { GreyImage, RgbImage } from "@lllite/core/image"
import { canny, greyToRgb, rgbToGrey } from "@lllite/core/image"
import type { TrainDataset } from "@lllite/core/training"
import type { CaptionedDrawing, DrawnPair } from "@lllite/tiny"
import { cannyThresholds, datasetOfPairs, heldOutDrawing, trainingDrawing } from "@lllite/tiny"

/** A pair with the edges of its picture. Its control shows them white on black. */
export interface EdgePair extends DrawnPair {
  readonly edges: GreyImage
}

/** Edges of a picture. */
export function edgesOf(image: RgbImage): GreyImage {
  return canny(rgbToGrey(image), cannyThresholds)
}

/** The first held-out pictures: no model was trained on them. */
export function heldOutPairs(count: number): readonly EdgePair[] {
  return Array.from({ length: count }, (_, index) => pairOf(index, heldOutDrawing(index)))
}

/** The first `count` pictures that the tiny SDXL was trained on, with their edges. Each is drawn on demand. */
export function drawnDataset(count: number): TrainDataset {
  return datasetOfPairs(count, (index) => pairOf(index, trainingDrawing(index)))
}

function pairOf(index: number, { image, caption }: CaptionedDrawing): EdgePair {
  const edges = edgesOf(image)
  return { name: `drawing ${index}`, image, caption, edges, control: greyToRgb(edges) }
}
