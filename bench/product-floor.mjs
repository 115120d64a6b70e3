#!/usr/bin/env node
// The least CPU seconds of a forward pass and of a training step of SDXL's U-Net on these cores: its products with
// frozen weights alone. Each product has the fastest order of operands, and weights that the caches do not hold. A
// convolution is the product of its windows with its filter. Attention, norms, an LLLite and all else are left out.
// The step keeps what products gave. It goes back to the first site, and not to the text.
//   node bench/product-floor.mjs [--latent 32] [--dtype f32|bf16] [--rounds 3]
import { parseArgs } from "node:util"
import { SDXL_UNET } from "../packages/core/dist/models.js"
import { sdxlShapes } from "../packages/core/dist/reference.js"
import { median, openProducts } from "./tensorflow-products.mjs"

const { values: options } = parseArgs({
  options: {
    latent: { type: "string", default: "32" },
    dtype: { type: "string", default: "f32" },
    rounds: { type: "string", default: "3" },
  },
})
const latent = Number(options.latent)
const products = await openProducts(options.dtype)

/** Bytes of weights between two uses of the same one. */
const COLD_BYTES = 400e6
/** The first block with sites. No slope goes before it. */
const FIRST_SITES = 4
/** As in `products.mjs`: which tensor is first and second, and whether the op transposes them. */
const FORWARD = [
  ["x", false, "weight", true],
  ["turned", true, "weight", true],
  ["weight", false, "x", true],
  ["weight", false, "turned", false],
]
const BACK = [
  ["x", false, "weight", false],
  ["turned", true, "weight", false],
  ["weight", true, "x", true],
  ["weight", true, "turned", false],
]

const { unet } = await sdxlShapes(SDXL_UNET)
/** Products of one shape, by "rows inner out": how often a forward pass and the way back have them. */
const counts = new Map()
for (const [tensor, shape] of unet) {
  const name = tensor.replace("model.diffusion_model.", "")
  if (!name.endsWith(".weight") || shape.length < 2) continue
  const [out, channels, ...window] = shape
  const inner = channels * window.reduce((product, size) => product * size, 1)
  const rows = rowsOf(name)
  const key = `${rows} ${inner} ${out}`
  const { forward, back } = counts.get(key) ?? { forward: 0, back: 0 }
  counts.set(key, { forward: forward + 1, back: back + (hasSlope(name) ? 1 : 0) })
}

const sums = { forward: 0, back: 0, forwardFlop: 0, backFlop: 0 }
for (const [key, count] of counts) {
  const [rows, inner, out] = key.split(" ").map(Number)
  const flop = 2 * rows * inner * out
  const [forward, back] = [secondsOf(FORWARD, rows, inner, out), count.back > 0 ? secondsOf(BACK, rows, inner, out) : 0]
  sums.forward += count.forward * forward
  sums.back += count.back * back
  sums.forwardFlop += count.forward * flop
  sums.backFlop += count.back * flop
}
const line = (name, seconds, flop) =>
  `${name}: ${seconds.toFixed(2)} CPU s, ${(flop / 1e12).toFixed(3)} TFLOP, ${(flop / seconds / 1e9).toFixed(0)} GFLOPS a core`
console.log(line("forward", sums.forward, sums.forwardFlop))
console.log(line("step", sums.forward + sums.back, sums.forwardFlop + sums.backFlop))

/** The rows of a layer's input at this size. */
function rowsOf(name) {
  if (/attn2\.to_[kv]\./.test(name)) return 77
  if (/^(time_embed|label_emb)|emb_layers/.test(name)) return 1
  const [, side, number = "0"] = /(input_blocks|middle_block|output_blocks|^out)\.?(\d+)?/.exec(name) ?? []
  const block = Number(number)
  const level =
    side === "middle_block"
      ? 2
      : side === "input_blocks"
        ? Math.floor(block / 3)
        : side === "output_blocks"
          ? 2 - Math.floor(block / 3) - (/\.2\.conv\./.test(name) ? 1 : 0)
          : 0
  return (latent / 2 ** level) ** 2
}

/** Whether a training step computes the slope at a layer's input. */
function hasSlope(name) {
  if (/^(time_embed|label_emb)|emb_layers|attn2\.to_[kv]\./.test(name)) return false
  const [, block] = /input_blocks\.(\d+)/.exec(name) ?? []
  return (
    block === undefined ||
    Number(block) > FIRST_SITES ||
    (Number(block) === FIRST_SITES && name.includes("transformer"))
  )
}

/** CPU seconds of a product in its fastest order, the median of some rounds. */
function secondsOf(orders, rows, inner, out) {
  const width = orders === FORWARD ? inner : out
  const [x, turned] = [products.create([rows, width]), products.create([width, rows])]
  const copies = Math.min(40, Math.ceil(COLD_BYTES / (products.bytes * inner * out)))
  const weights = Array.from({ length: copies }, () => products.create([out, inner]))
  const repeats = Math.max(2, Math.min(copies, Math.round(2e9 / (2 * rows * inner * out))))
  const spent = orders.map(() => [])
  let turn = 0
  for (let round = 0; round <= Number(options.rounds); round++) {
    orders.forEach(([a, isATurned, b, isBTurned], i) => {
      const pairOf = () => {
        const held = { x, turned, weight: weights[turn++ % copies] }
        return [held[a], held[b]]
      }
      const seconds = products.secondsOf(repeats, pairOf, [isATurned, isBTurned]) / repeats
      // The first round makes oneDNN's kernels.
      if (round > 0) spent[i].push(seconds)
    })
  }
  products.release([x, turned, ...weights])
  return Math.min(...spent.map(median))
}
