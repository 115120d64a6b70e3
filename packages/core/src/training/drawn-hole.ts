import { checkArgument, checkGiven } from "../argument.ts"
import { expectSize } from "../image/size.ts"
import type { GreyImage } from "../image.ts"
import type { DrawPosition, RandomStream } from "../random/stream.ts"

/** The most shapes of a hole. */
const MOST_SHAPES = 4
/** Shortest and longest side of a shape, as shares of the picture's. */
const [SHORTEST, LONGEST] = [0.1, 0.6]
/** Numbers that a shape is drawn by. */
const DRAWS = 5

/**
 * A hole for a control, which an LLLite learns to fill in: one to four rectangles and ellipses, each of 10 to 60 % of the
 * picture's sides, anywhere inside. White is the hole. The same position gives the same hole.
 */
export function drawHole(
  size: Pick<GreyImage, "width" | "height">,
  stream: Pick<RandomStream, "uniform">,
  at: DrawPosition,
): GreyImage {
  checkArgument("hole: the position", at, "an object")
  checkArgument("hole: the size", size, "an object")
  expectSize(size.width, size.height)
  checkGiven("hole: the stream", stream, "uniform", "createStream")
  const { width, height } = size
  const [many = 0, ...draws] = stream.uniform(1 + MOST_SHAPES * DRAWS, at)
  const data = new Uint8Array(width * height)
  for (let shape = 0; shape < 1 + Math.floor(many * MOST_SHAPES); shape++) {
    const [kind = 0, wide = 0, high = 0, x = 0, y = 0] = draws.slice(shape * DRAWS)
    const [w, h] = [sideOf(width, wide), sideOf(height, high)]
    const [left, top] = [Math.floor(x * (width - w + 1)), Math.floor(y * (height - h + 1))]
    for (let row = 0; row < h; row++) {
      for (let column = 0; column < w; column++) {
        const [across, down] = [(2 * (column + 0.5)) / w - 1, (2 * (row + 0.5)) / h - 1]
        if (kind < 0.5 || across * across + down * down <= 1) data[(top + row) * width + left + column] = 255
      }
    }
  }
  return { width, height, data }
}

function sideOf(side: number, draw: number): number {
  return Math.max(1, Math.min(side, Math.round(side * (SHORTEST + draw * (LONGEST - SHORTEST)))))
}
