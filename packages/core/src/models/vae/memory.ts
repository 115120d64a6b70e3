import { VAE_FACTOR, type VaeConfig } from "./config.ts"

/** A picture's sides in pixels. */
export interface VaePicture {
  readonly height: number
  readonly width: number
}

/*
 * Tensors alive at once, in units of the largest one. With composed ops on WASM 14.2 were seen for a whole picture and
 * 3.1 for four slices (`tf.profile`, decoding); ops that fuse their norms need less. A backend's own scratch memory is
 * not among them.
 */
const WHOLE = 15
const HELD = 2.5
const PER_SLICE = 6

/** Bytes that encoding or decoding one picture takes beside the weights, at most. */
export function vaeBytes(config: VaeConfig, picture: VaePicture, slices: number): number {
  return largestTensor(config, picture, 1) * (slices === 1 ? WHOLE : HELD + PER_SLICE / slices)
}

/** Rows that a slice borrows of its neighbours, at most: one of either side, which doubling makes two of. */
const BORROWED = 4

/** Bytes of the largest tensor on the way. */
function largestTensor({ channels }: VaeConfig, { height, width }: VaePicture, slices: number): number {
  const rows = slices === 1 ? height : VAE_FACTOR * Math.ceil(height / VAE_FACTOR / slices)
  const borrowed = slices === 1 ? 0 : BORROWED
  const sizes = channels.map((own, level) => {
    const wider = Math.max(own, channels[level + 1] ?? 0)
    return wider * (rows / 2 ** level + borrowed) * (width / 2 ** level)
  })
  return 4 * Math.max(...sizes)
}

/**
 * The fewest slices with which a picture has room in `bytes`, none of whose tensors is larger than `tensorBytes` (see
 * `Ops.maxTensorBytes`); as many as there can be if it has room with none. See `VaeOptions.slices`.
 */
export function chooseVaeSlices(
  config: VaeConfig,
  picture: VaePicture,
  bytes: number,
  tensorBytes: number = Number.POSITIVE_INFINITY,
): number {
  const most = Math.max(1, Math.ceil(picture.height / VAE_FACTOR))
  for (let slices = 1; slices < most; slices *= 2) {
    const hasRoom = vaeBytes(config, picture, slices) <= bytes
    if (hasRoom && largestTensor(config, picture, slices) <= tensorBytes) return slices
  }
  return most
}
