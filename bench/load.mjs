#!/usr/bin/env node
// Measures how long a checkpoint takes to load into TensorFlow, and how long plain reading of the file takes. Also
// reports the process's peak memory beside the file's size.
//   node bench/load.mjs CHECKPOINT [--weights file|F32|F16|BF16]
// The page cache holds files that were read before. To measure the disk, drop it before each run. --read first and
// --read after choose the order. --read none only loads.
import { open, stat } from "node:fs/promises"
import { parseArgs } from "node:util"
import { loadCheckpoint, startBackend } from "../packages/runtime-node/dist/index.js"

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { weights: { type: "string", default: "file" }, read: { type: "string", default: "after" } },
})
const [path] = positionals
if (path === undefined || !["first", "after", "none"].includes(options.read)) {
  console.error("usage: node bench/load.mjs CHECKPOINT [--weights file|F32|F16|BF16] [--read first|after|none]")
  process.exit(1)
}
const { ops } = await startBackend("tensorflow", { weights: options.weights })
const { size } = await stat(path)
const gib = (bytes) => Number((bytes / 2 ** 30).toFixed(3))
const result = { fileGiB: gib(size), weights: options.weights, startedRssGiB: gib(process.memoryUsage.rss()) }
if (options.read === "first") result.read = await timed(readAll)
result.load = await timed(() => loadCheckpoint(ops, path))
result.loadedRssGiB = gib(process.memoryUsage.rss())
result.peakRssGiB = gib(process.resourceUsage().maxRSS * 1024)
result.overFileMiB = Math.round(1024 * (result.peakRssGiB - result.startedRssGiB - result.fileGiB))
if (options.read === "after") result.read = await timed(readAll)
if (result.read !== undefined) result.shareOfReadRate = Number((result.read / result.load).toFixed(2))
console.log(JSON.stringify(result))

async function timed(run) {
  const since = performance.now()
  await run()
  return Number(((performance.now() - since) / 1000).toFixed(2))
}

async function readAll() {
  const file = await open(path)
  const buffer = new Uint8Array(16 * 2 ** 20)
  while ((await file.read(buffer, 0, buffer.byteLength)).bytesRead > 0);
  await file.close()
}
