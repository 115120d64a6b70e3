import type { AdapterDims } from "@lllite/format"
import type { Settings } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "./options/index.ts"

type FormSettings = Pick<Settings<typeof TRAIN_OPTIONS>, "networkDim" | "condEmbDim" | "conditioner">

/** The form of a new LLLite's adapters. */
export function formOf({ networkDim: mlpDim, condEmbDim: condDim, conditioner }: FormSettings): AdapterDims {
  return { condDim, mlpDim, ...(conditioner === "shared" ? { sharedTrunk: true } : {}) }
}

/** What the file of an LLLite says of its adapters' form, if it is not sd-scripts'. */
export function formMetadata(adapters: readonly AdapterDims[]): ReadonlyMap<string, string> {
  return new Map(adapters.some(({ sharedTrunk }) => sharedTrunk === true) ? [["lllite.shared_trunk", "true"]] : [])
}

/** What other programs cannot do with an LLLite of this form, one sentence each. */
export function formNotices({ conditioner }: Pick<FormSettings, "conditioner">, option: string): readonly string[] {
  if (conditioner === "own") return []
  return [
    `Other programs cannot load an LLLite of ${option} ${conditioner}. lllite convert --plain writes one that computes the same, which they load.`,
  ]
}
