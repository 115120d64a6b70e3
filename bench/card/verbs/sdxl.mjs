// The largest products and attentions of SDXL's U-Net, made when they are due: their tensors are large.
import { attention, conv2d, linear } from "./cases.mjs"

/** Linear layers and convolutions at 1024 px. Those that take most of a pass come first. */
export const PRODUCTS = [
  () => linear(1024, 1280, 10_240),
  () => linear(1024, 5120, 1280),
  () => linear(1024, 1280, 1280),
  () => linear(4096, 640, 5120),
  () => linear(4096, 640, 640),
  () => conv2d(128, 320, 320),
  () => conv2d(64, 640, 640),
  () => conv2d(32, 1280, 1280),
]

/** Attention at 1024 px: of the picture to itself, and to the text. */
export const ATTENTIONS = [
  () => attention(4096, 4096, 10, 64),
  () => attention(1024, 1024, 20, 64),
  () => attention(1024, 77, 20, 64),
  () => attention(4096, 77, 10, 64),
]
