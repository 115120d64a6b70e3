import { toFloat32 } from "@lllite/format"
import { describesPacking, scaleNameOf } from "@lllite/format/identify"
import { fromFloat32 } from "@lllite/format/write"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import type { WeightFile } from "../weight-reader.ts"

/**
 * A file whose weights are multiplied by the scales that stand beside them ("scaled fp8"). The weights become float16,
 * which holds every product of an fp8 value and its scale to a relative error of 2^-12. A scale is one number, or one
 * for each row.
 *
 * Sources: ComfyUI `scale_weight` and `weight_scale`; a file without scales is returned as it is.
 */
export function withScales(file: WeightFile): WeightFile {
  const { entries } = file
  const scaled = new Map<string, WeightEntry>()
  let hasScales = false
  for (const [name, entry] of entries) {
    if (describesPacking(name)) {
      hasScales = true
      continue
    }
    const scale = entries.get(scaleNameOf(entries, name) ?? "")
    scaled.set(name, scale === undefined ? entry : multiplied(entry, scale))
  }
  return hasScales ? { ...file, entries: scaled } : file
}

function multiplied({ name, dtype, shape, read }: WeightEntry, scale: WeightEntry): WeightEntry {
  return {
    name,
    dtype: "F16",
    shape,
    read: async () => {
      const factors = toFloat32(await scale.read(), scale.dtype)
      const values = toFloat32(await read(), dtype)
      const perFactor = values.length / factors.length
      for (const [row, factor] of factors.entries()) {
        for (let i = row * perFactor; i < (row + 1) * perFactor; i++) values[i] = (values[i] as number) * factor
      }
      return fromFloat32(values, "F16")
    },
  }
}
