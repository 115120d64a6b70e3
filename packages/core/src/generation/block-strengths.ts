import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { isInRange, rangeText } from "../number-range.ts"
import { GENERATE_RANGES } from "./defaults.ts"

/**
 * Factors by block of the U-Net. A key names blocks: `middle`, `input 4`, `output 1`, a range such as `input 4-5`, all
 * of a way such as `input *`, or all of them, `*`. The key that names the fewest blocks wins. Other blocks have 1.
 */
export type BlockStrengths = Readonly<Record<string, number>>

/** The blocks of SDXL's U-Net on the way down, and as many on the way up. */
const BLOCKS = 9

/** All blocks of SDXL's U-Net in the order in which they run. */
export const UNET_BLOCKS: readonly string[] = [
  ...Array.from({ length: BLOCKS }, (_, i) => `input ${i}`),
  "middle",
  ...Array.from({ length: BLOCKS }, (_, i) => `output ${i}`),
]

const EXPECTED = `"middle", "input 4", "output 1", a range such as "input 4-5", "input *", "output *" or "*", with numbers from 0 to ${BLOCKS - 1}`

/** The blocks that a key names. Null for a key that names none. */
export function blocksOf(key: string): readonly string[] | null {
  checkArgument("blocks: the key", key, "text")
  if (key === "*") return UNET_BLOCKS
  if (key === "middle") return [key]
  const [, way, from, to = from] = /^(input|output) (\d|\*)(?:-(\d))?$/.exec(key) ?? []
  if (way === undefined || (from === "*" && to !== "*")) return null
  const [first, last] = from === "*" ? [0, BLOCKS - 1] : [Number(from), Number(to)]
  if (first > last || last >= BLOCKS) return null
  return Array.from({ length: last - first + 1 }, (_, i) => `${way} ${first + i}`)
}

/** A block that two keys of one width name, so that neither wins. Null if there is none. */
export function clashOf(keys: readonly string[]): string | null {
  checkArgument("blocks: the keys", keys, "a list of texts")
  const named = keys.flatMap((key) => (blocksOf(key) ?? []).map((name) => `${blocksOf(key)?.length} ${name}`))
  const twice = named.find((name, i) => named.indexOf(name) !== i)
  return twice === undefined ? null : twice.replace(/^\d+ /, "")
}

/**
 * Checks factors by block.
 *
 * @param place their owner, which begins the message
 * @throws CoreError for a key that names no block, for two keys of one width that name the same block, or for a factor
 * out of range
 */
export function checkBlockStrengths(place: string, blocks: BlockStrengths): void {
  factorsByBlock(place, blocks)
}

/** The factor of every block that a key names. @throws as `checkBlockStrengths` */
export function factorsByBlock(place: string, blocks: BlockStrengths): ReadonlyMap<string, number> {
  const chosen = new Map<string, { readonly key: string; readonly width: number; readonly factor: number }>()
  for (const [key, factor] of Object.entries(blocks)) {
    const names = blocksOf(key)
    if (names === null) {
      throw new CoreError("option-unknown", `${place}: blocks has ${JSON.stringify(key)}, expected ${EXPECTED}`)
    }
    if (!isInRange(factor, GENERATE_RANGES.strength)) {
      throw new CoreError(
        "option-range",
        `${place}: blocks["${key}"] is ${factor}, expected ${rangeText(GENERATE_RANGES.strength)}`,
      )
    }
    for (const name of names) {
      const other = chosen.get(name)
      if (other?.width === names.length) {
        throw new CoreError(
          "option-conflict",
          `${place}: blocks "${other.key}" and "${key}" both name "${name}". Keep one of them, or name "${name}" alone.`,
        )
      }
      if (other === undefined || names.length < other.width) chosen.set(name, { key, width: names.length, factor })
    }
  }
  return new Map([...chosen].map(([name, { factor }]) => [name, factor]))
}
