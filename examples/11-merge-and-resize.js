// Files without a network: the mean of two LLLites, then a wider one, which does the same and has room to learn.
//   node examples/11-merge-and-resize.js
import { openAsBlob } from "node:fs"
import { writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { readLllite } from "@lllite/format"
import { mergeLllites, resizeLllite } from "@lllite/format/edit"
import { safetensorsChunks } from "@lllite/format/write"

const path = fileURLToPath(import.meta.resolve("@lllite/tiny/lllite-canny.safetensors"))
const file = await readLllite(await openAsBlob(path))

const merged = mergeLllites([
  { file, weight: 0.5 },
  { file, weight: 0.5 }, // a second file would have the same sites and widths
])
await writeFile("11-merged.safetensors", safetensorsChunks(merged.tensors, merged.metadata))

const again = await readLllite(await openAsBlob("11-merged.safetensors"))
const { mlpDim = 0 } = again.dims ?? {}
const wide = await resizeLllite(again, { dims: { mlpDim: 2 * mlpDim }, dtype: "F16" })
await writeFile("11-wide.safetensors", safetensorsChunks(wide.tensors, wide.metadata))
console.log(`mlpDim ${mlpDim} → ${2 * mlpDim}`)
