// As `unet`, with values between layers in float16, and products on subgroup matrices where the card has them. Both are
// checked first.
import { measurePasses } from "./unet.mjs"

export const run = (place) => measurePasses(place, "F16")
