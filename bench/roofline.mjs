#!/usr/bin/env node
// The least time that SDXL's U-Net and a training step can take on a card. Both run on shapes, which counts operations
// and traffic. The card's rates are the maker's. The results are bounds, not measurements. Output: Markdown tables.
//   node bench/roofline.mjs [--sizes 256,512,1024] [--json]
import { parseArgs } from "node:util"
import { planMemory, sdxlOutline } from "../packages/core/dist/memory.js"
import "@tensorflow/tfjs"

const { values: options } = parseArgs({
  options: { sizes: { type: "string", default: "256,512,1024" }, json: { type: "boolean", default: false } },
})
const sizes = options.sizes.split(",").map(Number)

/** Peak of float32 in TFLOPS and of memory in GB/s, as the makers' data sheets have them. */
const CARDS = [
  { name: "NVIDIA RTX 3060, 12 GB", tflops: 12.74, gigabytes: 360 },
  { name: "NVIDIA RTX 4070, 12 GB", tflops: 29.15, gigabytes: 504 },
  { name: "NVIDIA RTX 4090, 24 GB", tflops: 82.58, gigabytes: 1008 },
  { name: "AMD RX 7900 XTX, 24 GB", tflops: 61.42, gigabytes: 960 },
  { name: "NVIDIA H100 SXM, 80 GB", tflops: 66.9, gigabytes: 3350 },
]

/**
 * Seconds at 1024 px that the kernels' design expects, within 40 %: they are reckoned from tiles, and not measured. F16 is
 * for products on subgroup matrices, forward and back. What float16 in memory saves is not a part of it.
 */
const EXPECTED = [
  { name: "NVIDIA RTX 4070, 12 GB", what: "forward", float32: "0.36 to 0.42", float16: "0.24 to 0.28" },
  { name: "NVIDIA RTX 4070, 12 GB", what: "training step", float32: "1.4 to 1.6", float16: "0.95 to 1.1" },
  { name: "NVIDIA H100 SXM, 80 GB", what: "forward", float32: "0.15 to 0.17", float16: "0.06 to 0.08" },
  { name: "NVIDIA H100 SXM, 80 GB", what: "training step", float32: "0.55 to 0.65", float16: "0.28 to 0.35" },
]

const LLLITE = { condDim: 32, mlpDim: 64 }
const footprint = { weightBytes: () => 2, pooled: true }
const file = await sdxlOutline("F16")

/** Work of one run over a phase, by kind of op. */
async function workOf(task, name) {
  const { phases } = await planMemory(file, task, footprint)
  const { work, runs } = phases.find((phase) => phase.name === name)
  return Object.fromEntries(
    [...work].map(([kind, { flops, bytes }]) => [kind, { flops: flops / runs, bytes: bytes / runs }]),
  )
}

const rows = []
for (const side of sizes) {
  const task = { width: side, height: side, vaeSlices: 16 }
  const generate = { ...task, kind: "generate", guided: false }
  rows.push(
    { side, what: "forward", work: await workOf({ ...generate, lllite: null }, "U-Net") },
    { side, what: "forward with LLLite", work: await workOf({ ...generate, lllite: LLLITE }, "U-Net") },
    { side, what: "training step", work: await workOf({ ...task, kind: "train", lllite: LLLITE }, "training step") },
  )
}

/** Each kind of op takes at least the time of its arithmetic, and at least the time of its traffic. */
function leastSeconds(work, { tflops, gigabytes }) {
  return Object.values(work).reduce(
    (sum, { flops, bytes }) => sum + Math.max(flops / tflops / 1e12, bytes / gigabytes / 1e9),
    0,
  )
}

const sum = (work, field) => Object.values(work).reduce((total, each) => total + each[field], 0)
if (options.json) console.log(JSON.stringify(rows, null, 2))
else {
  const kinds = [...new Set(rows.flatMap(({ work }) => Object.keys(work)))]
  const tera = (value = 0) => (value / 1e12).toFixed(3)
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`)
  line(["pixels", "what", ...kinds.map((kind) => `${kind}, TFLOP`), "all, TFLOP", "traffic, GB"])
  line(Array(kinds.length + 4).fill("---"))
  for (const { side, what, work } of rows) {
    line([
      side,
      what,
      ...kinds.map((kind) => tera(work[kind]?.flops)),
      tera(sum(work, "flops")),
      (sum(work, "bytes") / 1e9).toFixed(1),
    ])
  }
  console.log()
  line(["card", ...rows.map(({ side, what }) => `${what}, ${side} px`)])
  line(Array(rows.length + 1).fill("---"))
  for (const card of CARDS) line([card.name, ...rows.map(({ work }) => `${leastSeconds(work, card).toFixed(3)} s`)])
  console.log()
  line(["card", "1024 px", "bound in float32, s", "expected in float32, s", "expected with `--precision F16`, s"])
  line(Array(5).fill("---"))
  for (const { name, what, float32, float16 } of EXPECTED) {
    const card = CARDS.find((card) => card.name === name)
    const row = rows.find((row) => row.side === 1024 && row.what === what)
    const bound = card === undefined || row === undefined ? "" : leastSeconds(row.work, card).toFixed(3)
    line([name, what, bound, float32, float16])
  }
}
