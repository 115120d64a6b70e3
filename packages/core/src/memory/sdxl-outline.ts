import { type Dtype, isDtype } from "@lllite/format"
import { valueText } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { sdxlShapes } from "../models/sdxl-shapes.ts"
import type { WeightFile } from "../models/weight-reader.ts"

/** SDXL's checkpoint as names and shapes, for `planMemory`. It has no values. */
export async function sdxlOutline(dtype: Dtype): Promise<WeightFile> {
  if (!isDtype(dtype))
    throw new CoreError("argument", `SDXL: dtype is ${valueText(dtype)}, expected one of a file, such as F16`)
  const shapes = Object.values(await sdxlShapes()).flatMap((part: ReadonlyMap<string, readonly number[]>) => [...part])
  return outlineFile("SDXL", new Map(shapes), dtype)
}

/** A file that has only names and shapes. */
export function outlineFile(label: string, shapes: ReadonlyMap<string, readonly number[]>, dtype: Dtype): WeightFile {
  const read = async (): Promise<Uint8Array> => new Uint8Array()
  return { label, entries: new Map([...shapes].map(([name, shape]) => [name, { name, dtype, shape, read }])) }
}
