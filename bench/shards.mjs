#!/usr/bin/env node
// Measures a data set in shards: what listing takes, and what each pair takes when it is read in the order of a training.
// The pairs are made up, and written to a folder that is removed.
//
//   node bench/shards.mjs [--pairs 100000] [--shards 100] [--size 64] [--read 10000]
//
// Run after a build. Prints seconds, CPU seconds and the resident memory in MiB.
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { createStream } from "../packages/core/dist/random.js"
import { createBatchOrder } from "../packages/core/dist/training.js"
import { blankImage, encodePng, openDataset, parseDatasetConfig } from "../packages/runtime-node/dist/index.js"

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "100000" },
    shards: { type: "string", default: "100" },
    size: { type: "string", default: "64" },
    read: { type: "string", default: "10000" },
  },
})
const [pairs, shards, size, read] = [values.pairs, values.shards, values.size, values.read].map(Number)

/** A header of tar with its file. */
function entry(name, bytes) {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124)
  header.write("        0", 148)
  header.write("ustar\x0000", 257, "latin1")
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, "0")}\0 0`, 148)
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

/** Noise in blocks of 8 pixels, which a PNG packs about as well as a photograph. */
function picture(seed) {
  const image = blankImage(size, size, [0, 0, 0])
  const stream = createStream(seed, "picture").uniform(3 * size * size)
  if (size < 256) return encodePng({ ...image, data: image.data.fill((seed * 37) % 256) })
  for (let i = 0; i < image.data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % size, Math.floor(i / 3 / size)]
    image.data[i] = ((x >> 3) * 31 + (y >> 3) * 17 + 24 * stream[i]) % 256
  }
  return encodePng(image)
}

const folder = mkdtempSync(join(tmpdir(), "lllite-shards-"))
const start = () => ({ wall: performance.now(), cpu: process.cpuUsage() })
const report = (what, { wall, cpu }) => {
  const { user, system } = process.cpuUsage(cpu)
  const seconds = ((performance.now() - wall) / 1000).toFixed(1)
  const { rss, heapUsed } = process.memoryUsage()
  const [resident, heap] = [rss, heapUsed].map((bytes) => Math.round(bytes / 2 ** 20))
  console.log(
    `${what}: ${seconds} s, ${((user + system) / 1e6).toFixed(1)} CPU s, ${resident} MiB resident, ${heap} MiB heap`,
  )
}

try {
  const pictures = Array.from({ length: 16 }, (_, i) => picture(i))
  const writing = start()
  for (let shard = 0; shard < shards; shard++) {
    const file = openSync(join(folder, `${String(shard).padStart(6, "0")}.tar`), "w")
    for (let index = shard; index < pairs; index += shards) {
      const key = String(index).padStart(8, "0")
      writeSync(file, entry(`${key}.png`, pictures[index % 16]))
      writeSync(file, entry(`${key}.control.png`, pictures[(index + 7) % 16]))
      writeSync(file, entry(`${key}.txt`, Buffer.from(`a made-up caption of pair ${key} with forty signs`)))
    }
    writeSync(file, Buffer.alloc(1024))
    closeSync(file)
  }
  report(`write ${pairs} pairs of ${size} px, ${Math.round(pictures[0].length / 1024)} KiB a picture`, writing)
  const config = `[[datasets]]\nresolution = ${size}\n[[datasets.subsets]]\nshards = ${JSON.stringify(join(folder, "*.tar"))}`
  const listing = start()
  const dataset = await openDataset(parseDatasetConfig(config, "made-up.toml"))
  report(`list ${dataset.count}`, listing)
  const batchOf = createBatchOrder(dataset.sizes, 1, createStream(1, "order"), dataset.reading)
  const ordering = start()
  batchOf(0)
  report("order of an epoch", ordering)
  for (const part of [0.5, 1]) {
    const reading = start()
    for (let step = Math.floor((part - 0.5) * read); step < part * read; step++) await dataset.example(batchOf(step)[0])
    report(`read ${read / 2}`, reading)
  }
  console.log(`peak: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
