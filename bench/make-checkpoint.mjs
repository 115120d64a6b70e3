#!/usr/bin/env node
// Writes an SDXL checkpoint of real size with made-up values: node bench/make-checkpoint.mjs FILE [--dtype F16|BF16|F32]
import { createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { parseArgs } from "node:util"
import { madeUpSdxl } from "../packages/core/dist/models.js"
import { safetensorsChunks } from "../packages/format/dist/write.js"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { dtype: { type: "string", default: "F16" } },
})
const [path] = positionals
if (path === undefined || !["F16", "BF16", "F32"].includes(values.dtype)) {
  console.error("usage: node bench/make-checkpoint.mjs FILE [--dtype F16|BF16|F32]")
  process.exit(1)
}
const { entries } = await madeUpSdxl(values.dtype)
const tensors = new Map([...entries].map(([name, { dtype, shape, read }]) => [name, { dtype, shape, bytes: read }]))
await pipeline(safetensorsChunks(tensors), createWriteStream(path))
