import { expectArgument } from "./argument.ts"
import { drawScene, type Picture } from "./draw.ts"
import { captionOf, heldOutSeed, makeScene, trainingSeed } from "./scene.ts"

/** Canny's thresholds of the packaged LLLite's training. */
export const cannyThresholds = { low: 100, high: 200 } as const

/** A drawing with its caption. */
export interface CaptionedDrawing {
  readonly image: Picture
  readonly caption: string
}

/** A drawing with its control picture. */
export interface DrawnPair extends CaptionedDrawing {
  readonly name: string
  readonly control: Picture
}

/** A pair as training reads it: every picture is its own target size. */
export interface PairExample extends DrawnPair {
  readonly size: {
    readonly original: readonly [height: number, width: number]
    readonly crop: readonly [top: number, left: number]
    readonly target: readonly [height: number, width: number]
  }
}

/** Pairs by their index, made on demand. */
export interface PairDataset {
  readonly count: number
  example(index: number): Promise<PairExample>
}

/** The drawing of an index that the tiny SDXL was trained on. */
export function trainingDrawing(index: number): CaptionedDrawing {
  return drawing(trainingSeed, index)
}

/** The held-out drawing of an index: no model was trained on it. */
export function heldOutDrawing(index: number): CaptionedDrawing {
  return drawing(heldOutSeed, index)
}

/**
 * A data set of `count` pairs.
 *
 * @param pairOf makes the pair of an index
 * @throws RangeError for an index that has none
 */
export function datasetOfPairs(count: number, pairOf: (index: number) => DrawnPair | undefined): PairDataset {
  expectArgument(Number.isSafeInteger(count) && count >= 0, "datasetOfPairs: the count", count, "a whole number from 0")
  expectArgument(typeof pairOf === "function", "datasetOfPairs: what makes the pair of an index", pairOf, "a function")
  return {
    count,
    example: async (index) => {
      const pair = pairOf(index)
      if (pair === undefined) throw new RangeError(`there is no pair ${index} of ${count}`)
      const { name, image, control, caption } = pair
      const size: readonly [number, number] = [image.height, image.width]
      return { name, image, control, caption, size: { original: size, crop: [0, 0], target: size } }
    },
  }
}

function drawing(seed: number, index: number): CaptionedDrawing {
  const scene = makeScene(seed, index)
  return { image: drawScene(scene), caption: captionOf(scene) }
}
