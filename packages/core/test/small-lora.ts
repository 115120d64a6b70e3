import type { TextEncoderConfig } from "../src/models/clip/config.ts"
import { loraTargetsOf } from "../src/models/lora/targets.ts"
import type { WeightEntry } from "../src/ops/weight-entry.ts"
import { SMALL_UNET } from "./synthetic-sdxl.ts"

/* A small SDXL, and files of LoRAs for it, for tests. */

export const SMALL_TEXT: TextEncoderConfig = {
  ...{ width: 8, layers: 1, heads: 1, vocabulary: 9, positions: 77, projection: null },
  activation: "gelu",
}
export const SMALL_CONFIGS = { unet: SMALL_UNET, text1: SMALL_TEXT, text2: SMALL_TEXT }

/** The layer and the weight that a module of a LoRA is for. */
export function smallTarget(key: string): NonNullable<ReturnType<ReturnType<typeof loraTargetsOf>["get"]>> {
  const target = loraTargetsOf(SMALL_CONFIGS).get(key)
  if (target === undefined) throw new Error(`no layer "${key}"`)
  return target
}

/** A file of a LoRA in float32. @param valuesOf the values of a tensor, by its name */
export function loraFile(
  label: string,
  modules: Readonly<Record<string, Readonly<Partial<Record<string, readonly number[]>>>>>,
  valuesOf: (name: string, shape: readonly number[]) => Float32Array,
): { readonly label: string; readonly entries: Map<string, WeightEntry> } {
  const entries = Object.entries(modules).flatMap(([key, tensors]) =>
    Object.entries(tensors).map(([tensor, shape = []]): [string, WeightEntry] => {
      const name = `${key}.${tensor}`
      const data = valuesOf(name, shape)
      return [name, { name, dtype: "F32", shape, read: async () => new Uint8Array(data.buffer) }]
    }),
  )
  return { label, entries: new Map(entries) }
}
