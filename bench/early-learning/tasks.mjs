// Kinds of control that can be drawn from a picture of the tiny SDXL, with a score of how well a picture follows. A score
// compares what was drawn with the real picture, both as the task's control shows them. 1 is best.
import { canny, edgeF1, greyToRgb, resizeImage, rgbToGrey } from "../../packages/core/dist/image.js"
import { cannyThresholds } from "../../packages/tiny/dist/index.js"

/** Pixels of a side of a blob. A token of the first sites has 16. */
const BLOB = 16

const edgesOf = (image) => canny(rgbToGrey(image), cannyThresholds)

/** The picture with next to no detail: shrunk to one value per blob, and stretched smoothly. */
function blurred(image) {
  const { width, height } = image
  return resizeImage(resizeImage(image, width / BLOB, height / BLOB, "area"), width, height, "bilinear")
}

/** A picture like a depth map: what is not paper is bright and has soft bounds. It has no colours and no lines. */
function depthOf(image) {
  const { width, height, data } = image
  const ink = new Uint8Array(width * height)
  for (let i = 0; i < ink.length; i++) ink[i] = 255 - Math.min(data[3 * i], data[3 * i + 1], data[3 * i + 2])
  return blurred(greyToRgb({ width, height, data: ink }))
}

/** Pearson's correlation. 0 where one of both does not change. */
function correlation(a, b) {
  const [meanA, meanB] = [a, b].map((values) => values.reduce((sum, value) => sum + value, 0) / values.length)
  let [both, squaresA, squaresB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] - meanA, b[i] - meanB]
    both += x * y
    squaresA += x * x
    squaresB += y * y
  }
  return squaresA === 0 || squaresB === 0 ? 0 : both / Math.sqrt(squaresA * squaresB)
}

export const TASKS = {
  /** Canny edges, white on black. Score: edge F1. */
  edges: {
    control: (image) => greyToRgb(edgesOf(image)),
    score: (drawn, real) => edgeF1(edgesOf(drawn), edgesOf(real)).f1,
  },
  /** Soft grey blobs where shapes are. Score: their correlation. */
  depth: {
    control: depthOf,
    score: (drawn, real) => correlation(depthOf(drawn).data, depthOf(real).data),
  },
  /** Soft blobs in the picture's colours. Score: their correlation over all channels. */
  colour: {
    control: blurred,
    score: (drawn, real) => correlation(blurred(drawn).data, blurred(real).data),
  },
}
