import { type Seed, seedAfter } from "@lllite/core/names"
import { createPythonRandom } from "@lllite/core/random"

export interface SeriesOptions {
  /** All pictures of an iteration have one seed. */
  readonly sameSeed: boolean
  /** Draws seeds as `gen_img.py` of sd-scripts does: the first picture has another seed than the given one. */
  readonly compat: "sd-scripts" | null
  /** The given seed is that of a picture which is made again: the first picture has it, whatever is followed. */
  readonly isOfPicture?: boolean
}

/**
 * The seeds of pictures whose lines name none, in the order in which they are made: the given seed, and then the next
 * numbers.
 *
 * @returns a function that gives the next seed of an iteration, from 0
 */
export function seedSeries(
  seed: Seed,
  { sameSeed, compat, isOfPicture = false }: SeriesOptions,
): (iteration: number) => Seed {
  const random = createPythonRandom(seed)
  let count = 0
  const isDrawn = compat === "sd-scripts" && !isOfPicture
  const next = (): Seed => (isDrawn ? random.randint(0, 2 ** 32 - 1) : seedAfter(seed, count++))
  if (!sameSeed) return next
  const ofIteration: Seed[] = []
  return (iteration) => {
    while (ofIteration.length <= iteration) ofIteration.push(next())
    return ofIteration[iteration] as Seed
  }
}

/**
 * The seed of the picture with this index among those of one line that names seeds. The last one is repeated. Groups in
 * a line of sd-scripts are an exception: pictures beyond the named seeds have seeds of the series.
 */
export function namedSeed(
  given: readonly Seed[],
  index: number,
  { compat, isDynamic }: { readonly compat: SeriesOptions["compat"]; readonly isDynamic: boolean },
): Seed | undefined {
  return given[index] ?? (compat === "sd-scripts" && isDynamic ? undefined : given.at(-1))
}
