import { checkArgument } from "../argument.ts"
import { type MadeUpDtype, madeUpEntries } from "../models/made-up.ts"
import { letStop, type StopOptions } from "../models/steps.ts"
import type { UnetBlock, UnetParams } from "../models/unet/params.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import type { WeightEntry } from "../ops/weight-entry.ts"

/** A transformer with at least so many blocks is deep. Deep ones are shortened, and all of them alike. */
export const DEEP = 3

/** The number of blocks of a U-Net in deep transformers, at most `depth` of each. */
export function deepBlocks(file: WeightFile, depth = Number.POSITIVE_INFINITY): number {
  return [...depthsOf(file).values()]
    .filter((blocks) => blocks >= DEEP)
    .reduce((sum, blocks) => sum + Math.min(blocks, depth), 0)
}

/**
 * A U-Net of the same widths with made-up values, whose deep transformers have at most `DEEP` blocks.
 *
 * @param file a U-Net under the names of a checkpoint in Stability's layout, see `unetOf`
 * @param stop checked before each tensor is made
 */
export function shortenedUnet(file: WeightFile, stop: StopOptions = {}): WeightFile {
  const depths = depthsOf(file)
  const kept = [...file.entries].filter(([name]) => {
    const place = blockOf(name)
    return place === null || (depths.get(place.transformer) ?? 0) < DEEP || place.index < DEEP
  })
  const shapes = kept.map(([name, { shape }]) => [name, shape] as const)
  const entries = [...madeUpEntries(shapes, dtypeOf(file))].map(([name, entry]): [string, WeightEntry] => {
    const read = async (): Promise<Uint8Array> => {
      await letStop(stop)
      return entry.read()
    }
    return [name, { name, dtype: entry.dtype, shape: entry.shape, read }]
  })
  return { label: `${file.label}, shortened`, entries: new Map(entries) }
}

/** A shortened U-Net with one block in each deep transformer. The weights are shared. */
export function withOneBlock(params: UnetParams): UnetParams {
  const { layout } = params.config
  const shorter = (block: UnetBlock): UnetBlock => ({
    ...block,
    parts: block.parts.map((part) =>
      part.kind === "transformer" && part.blocks.length >= DEEP ? { ...part, blocks: part.blocks.slice(0, 1) } : part,
    ),
  })
  const depthOf = (blocks: number): number => (blocks >= DEEP ? 1 : blocks)
  const [first, second, third] = layout.transformerDepth
  return {
    ...params,
    config: {
      ...params.config,
      layout: {
        ...layout,
        transformerDepth: [depthOf(first), depthOf(second), depthOf(third)],
        middleDepth: depthOf(layout.middleDepth),
      },
    },
    inputBlocks: params.inputBlocks.map(shorter),
    middle: shorter(params.middle),
    outputBlocks: params.outputBlocks.map(shorter),
  }
}

/** Blocks of each transformer, by the name before theirs. */
function depthsOf({ entries }: WeightFile): ReadonlyMap<string, number> {
  const depths = new Map<string, number>()
  for (const name of entries.keys()) {
    const place = blockOf(name)
    if (place === null) continue
    depths.set(place.transformer, Math.max(depths.get(place.transformer) ?? 0, place.index + 1))
  }
  return depths
}

/** The dtype of the largest tensor, which is that of most weights. Made-up values have no 8 bits. */
function dtypeOf({ entries }: WeightFile): MadeUpDtype {
  const dtype = largestEntry(entries)?.dtype
  return dtype === "F32" || dtype === "BF16" ? dtype : "F16"
}

/** The largest tensor of a file. Its dtype is that of most of the weights. */
export function largestEntry(entries: WeightFile["entries"]): WeightEntry | undefined {
  checkArgument("largestEntry: the entries", entries, "a Map")
  const sizeOf = ({ shape }: WeightEntry): number => shape.reduce((product, length) => product * length, 1)
  let largest: WeightEntry | undefined
  for (const entry of entries.values()) {
    if (largest === undefined || sizeOf(entry) > sizeOf(largest)) largest = entry
  }
  return largest
}

/** The transformer's block that a tensor is of, or null. */
function blockOf(name: string): { readonly transformer: string; readonly index: number } | null {
  const [, transformer, index] = /^(.*)\.transformer_blocks\.(\d+)\./.exec(name) ?? []
  return transformer === undefined ? null : { transformer, index: Number(index) }
}
