import type { PythonRandom } from "../../random/python.ts"
import { createPythonRandom } from "../../random/python.ts"
import type { Seed } from "../../random/seed.ts"
import { createStream, type DrawPosition } from "../../random/stream.ts"

/** The draws of a caption. */
export type CaptionRandom = Pick<PythonRandom, "random" | "choice" | "shuffled">

/** The draws of a row at a step: a generator of Python's, whose seed is drawn from a stream of the run. */
export function captionRandom(seed: Seed, at: DrawPosition, purpose = "captions"): CaptionRandom {
  const [high = 0, low = 0] = createStream(seed, purpose).uniform(2, at)
  // Both have 24 bits.
  return createPythonRandom(high * 2 ** 48 + low * 2 ** 24)
}
