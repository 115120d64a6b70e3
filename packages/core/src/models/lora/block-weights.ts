import type { NetworkLayer } from "@lllite/format"
import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"

/**
 * Factors on a LoRA by block, in the names of A1111's block weights: `IN00` to `IN08`, `M00`, `OUT00` to `OUT08` of the
 * U-Net. `BASE` is every other layer, both text encoders included. A block that is not named has 1.
 */
export type LoraBlocks = Readonly<Partial<Record<LoraBlockName, number>>>

const numbered = <P extends string>(prefix: P, count: number): readonly `${P}${string}`[] =>
  Array.from({ length: count }, (_, i): `${P}${string}` => `${prefix}${String(i).padStart(2, "0")}`)

/** The blocks of SDXL, in the order of a list of 20 numbers. */
export const LORA_BLOCKS = ["BASE", ...numbered("IN", 9), "M00", ...numbered("OUT", 9)] as const
export type LoraBlockName = (typeof LORA_BLOCKS)[number]

/**
 * The blocks of a list of numbers, by its length. 17 and 26 are lists for SD 1.5, whose other blocks SDXL lacks.
 *
 * Source: hako-mikan/sd-webui-lora-block-weight, `BLOCKID12` to `BLOCKID26`.
 */
const LISTS: ReadonlyMap<number, readonly string[]> = new Map(
  [
    ["BASE", "IN04", "IN05", "IN07", "IN08", "M00", ...numbered("OUT", 6)],
    ["BASE", "IN01", "IN02", "IN04", "IN05", "IN07", "IN08", "M00", ...numbered("OUT", 12).slice(3)],
    LORA_BLOCKS,
    ["BASE", ...numbered("IN", 12), "M00", ...numbered("OUT", 12)],
  ].map((names) => [names.length, names]),
)

/** Lists by name, from the same source: 17 numbers, or one for every block. */
const PRESETS: ReadonlyMap<string, string> = new Map([
  ["NONE", "0"],
  ["ALL", "1"],
  ["INS", "1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0"],
  ["IND", "1,0,0,0,1,1,1,0,0,0,0,0,0,0,0,0,0"],
  ["INALL", "1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0"],
  ["MIDD", "1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0"],
  ["OUTD", "1,0,0,0,0,0,0,0,1,1,1,1,0,0,0,0,0"],
  ["OUTS", "1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1"],
  ["OUTALL", "1,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1"],
  ["ALL0.5", "0.5"],
])

/**
 * Reads block weights: the name of a preset, such as `OUTALL`, or 12, 17, 20 or 26 numbers with commas. Blocks that a
 * list lacks have 0, as in the extension that the lists come from.
 *
 * @throws CoreError for another name or count, or for text that is not a number
 */
export function parseBlockWeights(text: string): LoraBlocks {
  checkArgument("block weights", text, "text")
  const preset = PRESETS.get(text.trim().toUpperCase())
  const list = (preset ?? text).split(",").map((part) => part.trim())
  const numbers = list.map((part) => (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(part) ? Number(part) : Number.NaN))
  const names = LISTS.get(list.length)
  if (preset !== undefined && numbers.length === 1) {
    return Object.fromEntries(LORA_BLOCKS.map((block) => [block, numbers[0] ?? 0]))
  }
  if (names === undefined || numbers.some((number) => !Number.isFinite(number))) {
    throw new CoreError(
      "option-range",
      `block weights are "${text}", expected ${[...LISTS.keys()].join(", ")} numbers with commas, or one of ${[...PRESETS.keys()].join(", ")}`,
    )
  }
  return Object.fromEntries(LORA_BLOCKS.map((block) => [block, numbers[names.indexOf(block)] ?? 0]))
}

/** The factor of a layer's block. */
export function layerWeight(blocks: LoraBlocks, { network, block }: Pick<NetworkLayer, "network" | "block">): number {
  return blocks[network === "unet" ? blockName(block) : "BASE"] ?? 1
}

function blockName(block: string): LoraBlockName {
  if (block === "middle") return "M00"
  const [, side, index = ""] = /^(input|output) (\d+)$/.exec(block) ?? []
  const name = `${side === "input" ? "IN" : "OUT"}${index.padStart(2, "0")}`
  return side === undefined ? "BASE" : (LORA_BLOCKS.find((known) => known === name) ?? "BASE")
}
