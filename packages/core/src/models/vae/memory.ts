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
export function vaeBytes({ channels }: VaeConfig, { height, width }: VaePicture, slices: number): number {
  const largest = Math.max(
    ...channels.map((own, level) => (Math.max(own, channels[level + 1] ?? 0) * height * width) / 4 ** level),
  )
  return 4 * largest * (slices === 1 ? WHOLE : HELD + PER_SLICE / slices)
}

/**
 * The fewest slices with which a picture has room in `bytes`; as many as there can be if it has room with none. See
 * `VaeOptions.slices`.
 */
export function chooseVaeSlices(config: VaeConfig, picture: VaePicture, bytes: number): number {
  const most = Math.max(1, Math.ceil(picture.height / VAE_FACTOR))
  for (let slices = 1; slices < most; slices *= 2) {
    if (vaeBytes(config, picture, slices) <= bytes) return slices
  }
  return most
}
