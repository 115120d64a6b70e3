import { fromFloat32 } from "@lllite/format/write"
import { checkArgument, checkChoice, valueText } from "../argument.ts"
import { CoreError } from "../errors.ts"
import type { WeightEntry } from "../ops/weight-entry.ts"
import { createStream } from "../random/stream.ts"
import { sdxlShapes } from "./sdxl-shapes.ts"
import type { WeightFile } from "./weight-reader.ts"

/** Dtypes of made-up weights. */
export type MadeUpDtype = "F32" | "F16" | "BF16"

const BYTES: Readonly<Record<MadeUpDtype, number>> = { F32: 4, F16: 2, BF16: 2 }

/** Values repeat after this many. */
const BLOCK = 2 ** 16

/**
 * Named tensors of these shapes with made-up values, to measure speed and memory without a checkpoint. They cost the
 * same as real ones, and results stay finite: matrices are scaled by their inputs, scales of norms are near 1. Values
 * are made when they are read, and repeat every 65,536.
 */
export function madeUpEntries(
  shapes: Iterable<readonly [name: string, shape: readonly number[]]>,
  dtype: MadeUpDtype,
): ReadonlyMap<string, WeightEntry> {
  checkChoice("made-up weights", "dtype", dtype ?? "", Object.keys(BYTES))
  const blockOf = createBlocks(dtype)
  if (typeof shapes?.[Symbol.iterator] !== "function" || typeof shapes === "string") {
    throw new CoreError("argument", `made-up weights: the shapes are ${valueText(shapes)}, expected a list`)
  }
  return new Map(
    Array.from(shapes, (pair): [string, WeightEntry] => {
      checkArgument("made-up weights: a name with its shape", pair, "a list")
      const [name, shape] = pair as readonly [string, readonly number[]]
      checkArgument("made-up weights: a shape", shape, "a list of numbers")
      const bytes = shape.reduce((product, size) => product * size, BYTES[dtype])
      const readInto = async (target: Uint8Array): Promise<void> => {
        const block = blockOf(name, shape)
        for (let at = 0; at < bytes; at += block.byteLength) {
          target.set(block.subarray(0, Math.min(block.byteLength, bytes - at)), at)
        }
      }
      const read = async (): Promise<Uint8Array> => {
        const target = new Uint8Array(bytes)
        await readInto(target)
        return target
      }
      return [name, { name, dtype, shape, read, readInto }]
    }),
  )
}

/** A checkpoint of SDXL's real size with made-up values. Its pictures have no meaning. */
export async function madeUpSdxl(dtype: MadeUpDtype): Promise<WeightFile> {
  checkChoice("made-up weights", "dtype", dtype ?? "", Object.keys(BYTES))
  const parts: readonly ReadonlyMap<string, readonly number[]>[] = Object.values(await sdxlShapes())
  return {
    label: "SDXL with made-up weights",
    entries: madeUpEntries(
      parts.flatMap((part) => [...part]),
      dtype,
    ),
  }
}

/** Bytes of one block of values for each scale. A block is made when it is first read. */
function createBlocks(dtype: MadeUpDtype): (name: string, shape: readonly number[]) => Uint8Array {
  const blocks = new Map<string, Uint8Array>()
  let drawn: Float32Array | null = null
  return (name, shape) => {
    const fanIn = shape.slice(1).reduce((product, size) => product * size, 1)
    const [middle, spread] = shape.length >= 2 ? [0, Math.sqrt(3 / fanIn)] : name.endsWith("bias") ? [0, 0.1] : [1, 0.1]
    const key = `${middle} ${spread}`
    const known = blocks.get(key)
    if (known !== undefined) return known
    drawn ??= createStream(1, "made-up weights").uniform(BLOCK)
    const block = fromFloat32(
      drawn.map((u) => middle + (2 * u - 1) * spread),
      dtype,
    )
    blocks.set(key, block)
    return block
  }
}
