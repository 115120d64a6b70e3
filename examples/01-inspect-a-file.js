// What is in an LLLite? Only the header is read.
//   node examples/01-inspect-a-file.js [FILE]
import { openAsBlob } from "node:fs"
import { fileURLToPath } from "node:url"
import { readLllite } from "@lllite/format"
import { checkLllite } from "@lllite/format/health"
import { identify } from "@lllite/format/identify"

const [, , path = fileURLToPath(import.meta.resolve("@lllite/tiny/lllite-canny.safetensors"))] = process.argv
const file = await readLllite(await openAsBlob(path))

console.log(`${identify(file.safetensors).detail}: ${file.sites.length} sites, ${file.parameterCount} parameters`)
for (const { block, index, attention, projection, depth } of file.sites.slice(0, 3)) {
  console.log(`  ${block}, transformer block ${index}, ${attention} attention, ${projection}, depth ${depth}`)
}
for (const [key, value] of file.metadata) console.log(`  ${key}: ${value}`)

// This reads the values, too.
const { findings } = await checkLllite(file)
for (const { severity, advice } of findings) console.log(`${severity}: ${advice}`)
