// Milliseconds per op on TensorFlow.js' WASM backend, composed of the backend's kernels and with this package's kernels.
// Forward and gradient together, at the sizes of the tiny U-Net's training. The figure is average processor time over a
// fifth of a second. The same time is spent on warming up first, since engines compile hot code again in the background.
// For products the arithmetic rate is printed, too: 10⁹ multiplications and additions a second.
// Usage: pnpm --filter @lllite/wasm build && pnpm --filter @lllite/wasm bench
import { createComposedOps } from "@lllite/core/ops"
import { createWasmOps } from "@lllite/wasm"
import * as tf from "@tensorflow/tfjs"
import "@tensorflow/tfjs-backend-wasm"

const SPAN_MS = 200

/** Processor time that this process has used, in ms. Other programs change it less than the time of the clock. */
const used = () => process.cpuUsage().user / 1000

await tf.setBackend("wasm")
const composed = createComposedOps({ products: "looped" })
const kernels = await createWasmOps(composed)

const entry = (shape, value) => ({
  name: "weight",
  dtype: "F32",
  shape,
  read: async () => new Uint8Array(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, value).buffer),
})
const normal = (_, i) => Math.sin(i) / 8

/** Every case loads its frozen weights with the measured ops, and returns the function to run. */
const plain = (run) => async (ops) => ({ run: (...inputs) => run(ops, ...inputs), dispose: () => {} })
const attention = (heads) => plain((ops, q, k, v) => ops.attention(q, k, v, { heads, causal: false }))
const dense = plain((ops, x, weight, bias) => ops.dense(x, weight, bias))
const frozen = (load, run) => async (ops) => {
  const weight = await load(ops.load)
  return { run: (x) => run(ops, x, weight), dispose: () => weight.dispose() }
}
const norm = (width) => (load) =>
  load.norm(
    entry([width], () => 1.5),
    entry([width], () => 0.5),
  )
const groupNorm = (width) =>
  frozen(norm(width), (ops, x, weight) => ops.groupNorm(x, weight, { groups: 32, epsilon: 1e-5, silu: true }))
const layerNorm = (width) => frozen(norm(width), (ops, x, weight) => ops.layerNorm(x, weight, 1e-5))
const linear = (inner, out) =>
  frozen(
    (load) => load.linear(entry([out, inner], normal), entry([out], normal)),
    (ops, x, weight) => ops.linear(x, weight),
  )
const conv2d = (inner, out, side, stride) => {
  const pad = (side - 1) / 2
  return frozen(
    (load) => load.conv2d(entry([out, inner, side, side], normal), entry([out], normal)),
    (ops, x, weight) => ops.conv2d(x, weight, { stride, padding: [pad, pad, pad, pad] }),
  )
}

/** Floating point operations of a product of rows × (inner × out), for the given number of products. */
const linearCase = (n, tokens, inner, out) => [
  `linear ${n}×${tokens}×${inner} → ${out}`,
  linear(inner, out),
  [[n, tokens, inner]],
  2 * 2 * n * tokens * inner * out,
]
const convCase = (n, side, inner, out, kernel = 3, stride = 1) => [
  `conv2d ${kernel}×${kernel}${stride === 1 ? "" : `/${stride}`}, ${n}×${side}×${side}×${inner} → ${out}`,
  conv2d(inner, out, kernel, stride),
  [[n, side, side, inner]],
  2 * 2 * n * (side / stride) ** 2 * inner * out * kernel ** 2,
]
const denseCase = (n, tokens, inner, out) => [
  `dense ${n}×${tokens}×${inner} → ${out}`,
  dense,
  [[n, tokens, inner], [inner, out], [out]],
  3 * 2 * n * tokens * inner * out,
]

/** Name, function to run, shapes of its inputs, and for products their floating point operations. */
const cases = [
  convCase(8, 16, 64, 64),
  convCase(8, 16, 192, 64),
  convCase(8, 16, 64, 64, 3, 2),
  convCase(8, 16, 128, 64, 1),
  convCase(8, 8, 64, 64),
  convCase(8, 8, 192, 128),
  convCase(8, 4, 128, 128),
  convCase(8, 4, 256, 128),
  convCase(1, 128, 32, 32),
  linearCase(8, 64, 64, 64),
  linearCase(8, 64, 64, 512),
  linearCase(8, 64, 256, 64),
  linearCase(8, 16, 128, 128),
  linearCase(8, 77, 40, 64),
  denseCase(8, 64, 64, 64),
  denseCase(8, 16, 128, 64),
  [
    "attention 8×64 tokens, 1×64",
    attention(1),
    [
      [8, 64, 64],
      [8, 64, 64],
      [8, 64, 64],
    ],
  ],
  [
    "attention 8×64 tokens, 77 keys, 1×64",
    attention(1),
    [
      [8, 64, 64],
      [8, 77, 64],
      [8, 77, 64],
    ],
  ],
  [
    "attention 8×16 tokens, 2×64",
    attention(2),
    [
      [8, 16, 128],
      [8, 16, 128],
      [8, 16, 128],
    ],
  ],
  [
    "attention 1×256 tokens, 5×64",
    attention(5),
    [
      [1, 256, 320],
      [1, 256, 320],
      [1, 256, 320],
    ],
  ],
  ["groupNorm + SiLU 8×16×16×64", groupNorm(64), [[8, 16, 16, 64]]],
  ["groupNorm + SiLU 8×8×8×128", groupNorm(128), [[8, 8, 8, 128]]],
  ["layerNorm 8×64×64", layerNorm(64), [[8, 64, 64]]],
  ["geglu 8×64×512", plain((ops, h) => ops.geglu(h)), [[8, 64, 512]]],
  ["silu 8×16×16×64", plain((ops, x) => ops.silu(x)), [[8, 16, 16, 64]]],
  ["relu 8×64×64", plain((ops, x) => ops.relu(x)), [[8, 64, 64]]],
]

console.log("| op, forward and gradient | composed, ms | this package, ms | | GFLOPS | |\n|---|---|---|---|---|---|")
for (const [name, prepare, shapes, operations] of cases) {
  const inputs = shapes.map((shape) => tf.randomNormal(shape))
  const times = []
  for (const ops of [composed, kernels]) {
    const { run, dispose } = await prepare(ops)
    const slope = tf.tidy(() => tf.onesLike(run(...inputs)))
    const step = () => tf.tidy(() => void tf.grads((...args) => run(...args))(inputs, slope))
    for (const start = used(); used() - start < SPAN_MS; ) step()
    const start = used()
    let runs = 0
    for (; used() - start < SPAN_MS; runs++) step()
    times.push((used() - start) / runs)
    dispose()
    slope.dispose()
  }
  const [before, after] = times
  const rates = operations === undefined ? ["", ""] : times.map((time) => (operations / time / 1e6).toFixed(1))
  const figures = [before.toFixed(2), after.toFixed(2), `${(before / after).toFixed(1)}×`, ...rates]
  console.log(`| ${name} | ${figures.join(" | ")} |`)
  tf.dispose(inputs)
}
