import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { ReferenceTensors } from "../src/reference/case.ts"

/** The reference numbers: a folder `shared/reference` beside the repository, or wherever LLLITE_REFERENCE says. */
const folder =
  process.env["LLLITE_REFERENCE"] ?? fileURLToPath(new URL("../../../../shared/reference", import.meta.url))

/** Whether the numbers are there: they are no part of the repository. */
export const hasReference = existsSync(folder)

/** A description, NAME.json. */
export function readDescription<T>(name: string): T {
  return JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8")) as T
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/** The float32 tensors of NAME.safetensors. */
export function readTensors(name: string): ReferenceTensors {
  const file = readFileSync(`${folder}/${name}.safetensors`)
  const dataStart = 8 + Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString("utf8", 8, dataStart)) as Record<string, Entry>
  const entries = new Map(Object.entries(header).filter(([key]) => key !== "__metadata__"))
  return {
    names: [...entries.keys()],
    async read(tensor) {
      const entry = entries.get(tensor)
      if (entry?.dtype !== "F32") throw new Error(`${name}: no float32 tensor "${tensor}"`)
      const [begin, end] = entry.data_offsets
      const bytes = Uint8Array.from(file.subarray(dataStart + begin, dataStart + end))
      return { shape: entry.shape, values: new Float32Array(bytes.buffer) }
    },
  }
}
