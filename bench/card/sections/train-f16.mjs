// As `train`, with values and slopes between layers in float16, and products on subgroup matrices where the card has them.
// Both are checked first.
import { measureStep } from "./train.mjs"

export const run = (place) => measureStep(place, "F16")
