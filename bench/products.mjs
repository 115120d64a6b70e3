#!/usr/bin/env node
// GFLOPS of a core in TensorFlow's products with a weight, by the order of the operands. Files have weights W as [out,
// in]. Four are forward, x [tokens, in]; four are backward, with W as it is. "T" marks an operand that the op transposes.
// "own" is LLLite's product, with weights as in --dtype and in float16. It needs the kernels of `lllite setup tensorflow`.
// Medians of --rounds rounds, in which all orders take turns, by CPU seconds.
//   node bench/products.mjs [--dtype f32|bf16] [--rounds 5]
import { parseArgs } from "node:util"
import { median, openProducts } from "./tensorflow-products.mjs"

const { values: options } = parseArgs({
  options: { dtype: { type: "string", default: "f32" }, rounds: { type: "string", default: "5" } },
})
const products = await openProducts(options.dtype)

/** Tokens, in, out of SDXL's transformer blocks at 256 and 512 px, and of the text's keys. */
const SIZES = [
  [64, 1280, 1280],
  [64, 1280, 10240],
  [64, 5120, 1280],
  [77, 2048, 1280],
  [256, 640, 640],
  [256, 640, 5120],
  [256, 1280, 1280],
  [256, 1280, 10240],
  [256, 5120, 1280],
  [1024, 640, 5120],
]
/** Which of the tensors is first and second, and whether the op transposes them. */
const ORDERS = {
  "x WT": ["x", false, "outIn", true],
  "xT WT": ["turned", true, "outIn", true],
  "W xT": ["outIn", false, "x", true],
  "W x": ["outIn", false, "turned", false],
  "dy W": ["x", false, "inOut", false],
  "dyT W": ["turned", true, "inOut", false],
  "WT dyT": ["inOut", true, "x", true],
  "WT dy": ["inOut", true, "turned", false],
}
/** Our own products: whether they are backward, and the number type of W. */
const OWN = {
  "own x WT": [false, options.dtype],
  "own x WT, f16": [false, "f16"],
  "own dy W": [true, options.dtype],
  "own dy W, f16": [true, "f16"],
}

console.log(`| tokens x in x out | ${[...Object.keys(ORDERS), ...Object.keys(OWN)].join(" | ")} |`)
console.log(`| --- |${" --- |".repeat(Object.keys(ORDERS).length + Object.keys(OWN).length)}`)
for (const [tokens, inner, out] of SIZES) {
  const tensors = { x: [tokens, inner], turned: [inner, tokens], outIn: [out, inner], inOut: [inner, out] }
  const held = Object.fromEntries(Object.entries(tensors).map(([name, shape]) => [name, products.create(shape)]))
  held.dy = products.create([tokens, out])
  held.half = products.halfOf([out, inner])
  const flop = 2 * tokens * inner * out
  const repeats = Math.max(2, Math.round(4e9 / flop))
  const rates = Object.fromEntries([...Object.keys(ORDERS), ...Object.keys(OWN)].map((name) => [name, []]))
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, [a, isATurned, b, isBTurned]] of Object.entries(ORDERS)) {
      const seconds = (count) => products.secondsOf(count, () => [held[a], held[b]], [isATurned, isBTurned])
      seconds(1)
      rates[name].push((flop * repeats) / seconds(repeats) / 1e9)
    }
    for (const [name, [contractsRows, weight]] of Object.entries(OWN)) {
      const pair = [held[contractsRows ? "dy" : "x"], held[weight === "f16" ? "half" : "outIn"]]
      const size = { tokens, inner, out, contractsRows, weight }
      const seconds = (count) => products.ownSecondsOf(count, () => pair, size)
      seconds(1)
      rates[name].push((flop * repeats) / seconds(repeats) / 1e9)
    }
  }
  console.log(
    `| ${tokens} x ${inner} x ${out} | ${Object.values(rates)
      .map((list) => median(list).toFixed(0))
      .join(" | ")} |`,
  )
  products.release(Object.values(held))
}
