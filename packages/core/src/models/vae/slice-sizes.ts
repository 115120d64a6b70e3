import { checkArgument } from "../../argument.ts"
import { checkRanges } from "../../number-range.ts"
import { VAE_FACTOR, type VaeConfig } from "./config.ts"

/** A picture's sides in pixels. */
export interface VaePicture {
  readonly height: number
  readonly width: number
}

const SIDE = { integer: true, min: 1, max: 2 ** 16 } as const

/** Checks the sides of a picture before memory is taken for it. @throws CoreError for sides that no picture has */
export function checkSides(place: string, picture: unknown): void {
  checkArgument(`${place}: the picture`, picture, "an object")
  const { height = null, width = null } = picture as Partial<VaePicture>
  checkRanges(place, { height, width }, { height: SIDE, width: SIDE })
}

/**
 * The most rows that a slice reads from its neighbours. A block and the convolution before it read three on either side.
 * Doubling makes each row two, so that they are four.
 */
const NEIGHBOUR_ROWS = 8

/** Bytes of the largest tensor in one slice. */
function largestTensor({ channels }: VaeConfig, { height, width }: VaePicture, slices: number): number {
  const rows = slices === 1 ? height : VAE_FACTOR * Math.ceil(height / VAE_FACTOR / slices)
  const neighbourRows = slices === 1 ? 0 : NEIGHBOUR_ROWS
  const sizes = channels.map((own, level) => {
    const wider = Math.max(own, channels[level + 1] ?? 0)
    return wider * (rows / 2 ** level + neighbourRows) * (width / 2 ** level)
  })
  return 4 * Math.max(...sizes)
}

/**
 * The fewest slices of a picture with no tensor larger than `tensorBytes` (see `Ops.maxTensorBytes`). The number is a
 * power of two. If no number of slices is enough, the result is the largest possible number.
 */
export function slicesToBind(config: VaeConfig, picture: VaePicture, tensorBytes: number): number {
  const most = Math.max(1, Math.ceil(picture.height / VAE_FACTOR))
  for (let slices = 1; slices < most; slices *= 2) {
    if (largestTensor(config, picture, slices) <= tensorBytes) return slices
  }
  return most
}
