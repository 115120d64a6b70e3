// As `unet`, with products of float16 on subgroup matrices, which are checked first.
import { measurePasses } from "./unet.mjs"

export const run = (place) => measurePasses(place, "F16")
