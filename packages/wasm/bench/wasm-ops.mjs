// Milliseconds per op on TensorFlow.js' WASM backend: composed of its own kernels, and with those of this package.
// Forward and gradient together, processor time on average over half a second, after as much of warming up (engines compile hot
// code once more, in the background), at the sizes of the tiny U-Net's training.
// Usage: pnpm --filter @lllite/wasm build && pnpm --filter @lllite/wasm bench
import { createComposedOps } from "@lllite/core"
import { createWasmOps } from "@lllite/wasm"
import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"

const SPAN_MS = 500

/** Processor time that this process has used, in ms: a busy machine disturbs it less than the clock. */
const used = () => process.cpuUsage().user / 1000

await tf.setBackend("wasm")
const composed = createComposedOps({ products: "looped" })
const kernels = await createWasmOps(composed)

const entry = (values) => ({
  name: "weight",
  dtype: "F32",
  shape: [values.length],
  read: async () => new Uint8Array(Float32Array.from(values).buffer),
})
const norm = (width) => composed.load.norm(entry(Array(width).fill(1.5)), entry(Array(width).fill(0.5)))
const norms = { 32: await norm(32), 64: await norm(64), 128: await norm(128) }
const attention = (heads) => (ops, q, k, v) => ops.attention(q, k, v, { heads, causal: false })
const groupNorm = (width) => (ops, x) => ops.groupNorm(x, norms[width], { groups: 32, epsilon: 1e-5, silu: true })

/** Name, what to run, shapes of its inputs. */
const cases = [
  ["attention 8×64 tokens, 1×64", attention(1), [8, 64, 64], [8, 64, 64], [8, 64, 64]],
  ["attention 8×64 tokens, 77 keys, 1×64", attention(1), [8, 64, 64], [8, 77, 64], [8, 77, 64]],
  ["attention 8×16 tokens, 2×64", attention(2), [8, 16, 128], [8, 16, 128], [8, 16, 128]],
  ["attention 1×256 tokens, 5×64", attention(5), [1, 256, 320], [1, 256, 320], [1, 256, 320]],
  ["groupNorm + SiLU 8×16×16×32", groupNorm(32), [8, 16, 16, 32]],
  ["groupNorm + SiLU 8×8×8×128", groupNorm(128), [8, 8, 8, 128]],
  ["layerNorm 8×64×64", (ops, x) => ops.layerNorm(x, norms[64], 1e-5), [8, 64, 64]],
  ["geglu 8×64×512", (ops, x) => ops.geglu(x), [8, 64, 512]],
  ["dense 8×64×64 → 64", (ops, x, w, b) => ops.dense(x, w, b), [8, 64, 64], [64, 64], [64]],
  ["dense 8×16×128 → 32", (ops, x, w, b) => ops.dense(x, w, b), [8, 16, 128], [128, 32], [32]],
  ["silu 8×16×16×32", (ops, x) => ops.silu(x), [8, 16, 16, 32]],
  ["relu 8×64×64", (ops, x) => ops.relu(x), [8, 64, 64]],
]

console.log("| op, forward and gradient | composed, ms | this package, ms | |\n|---|---|---|---|")
for (const [name, run, ...shapes] of cases) {
  const inputs = shapes.map((shape) => tf.randomNormal(shape))
  const step = (ops) => tf.tidy(() => void tf.grads((...args) => run(ops, ...args))(inputs))
  const times = [composed, kernels].map((ops) => {
    for (const start = used(); used() - start < SPAN_MS; ) step(ops)
    const start = used()
    let runs = 0
    for (; used() - start < SPAN_MS; runs++) step(ops)
    return (used() - start) / runs
  })
  const [before, after] = times
  console.log(`| ${name} | ${before.toFixed(2)} | ${after.toFixed(2)} | ${(before / after).toFixed(1)}× |`)
  tf.dispose(inputs)
}
