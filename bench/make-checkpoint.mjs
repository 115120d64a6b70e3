#!/usr/bin/env node
// Writes an SDXL checkpoint of real size with made-up values: node bench/make-checkpoint.mjs FILE [--dtype F16|BF16|F32]
import { createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { parseArgs } from "node:util"
import { sdxlShapes } from "../packages/core/dist/reference.js"
import { safetensorsChunks } from "../packages/format/dist/write.js"
import { syntheticEntries } from "./synthetic.mjs"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { dtype: { type: "string", default: "F16" } },
})
const [path] = positionals
if (path === undefined || !["F16", "BF16", "F32"].includes(values.dtype)) {
  console.error("usage: node bench/make-checkpoint.mjs FILE [--dtype F16|BF16|F32]")
  process.exit(1)
}
const shapes = Object.values(await sdxlShapes()).flatMap((part) => [...part])
const tensors = new Map(
  [...syntheticEntries(shapes, values.dtype)].map(([name, { dtype, shape, read }]) => [
    name,
    { dtype, shape, bytes: read },
  ]),
)
await pipeline(safetensorsChunks(tensors), createWriteStream(path))
