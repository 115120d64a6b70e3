// GFLOPS of every kernel at SDXL's sizes on WebGPU: composed of TensorFlow.js' own kernels, and with those of this
// package, in the same run. A span is as many runs in a row as take a tenth of a second by the clock, until the device
// is done. The figure is the median of several spans.
// Usage: pnpm turbo build --filter @lllite/webgpu && pnpm --filter @lllite/webgpu bench [options]
//   --small           small sizes; only with it an adapter in software is taken
//   --weights FORMAT  f32, f16, bf16 or q8 for this package's side (default: f16); tfjs has float32 only
//   --tune            tiles of products tuned to the device, before anything is measured
//   --only TEXT       cases whose name has this text
//   --json            one object a case, for machines
import { parseArgs } from "node:util"
import { createComposedOps } from "@lllite/core/ops"
import { createWebgpuOps, startWebgpu, tuneProducts } from "@lllite/webgpu"
import * as tf from "@tensorflow/tfjs"
import { create, globals } from "webgpu"

const SPANS = 5
const SPAN_SECONDS = 0.1

const { values: options } = parseArgs({
  options: {
    small: { type: "boolean", default: false },
    weights: { type: "string", default: "f16" },
    tune: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
})
Object.assign(globalThis, globals)
const gpu = create([])
// Node has `navigator` from version 21 on.
if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true })
Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true })
const webgpu = await startWebgpu(gpu, { software: options.small })
const tiles = options.tune ? await tuneProducts() : undefined
const composed = createComposedOps()
const kernels = createWebgpuOps(composed, { weights: options.weights, ...(tiles && { tiles }) })

const entry = (shape) => ({
  ...{ name: "weight", dtype: "F32", shape },
  read: async () =>
    new Uint8Array(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(i) / 16).buffer),
})
const frozen = (load, run) => async (ops) => {
  const weight = await load(ops.load)
  return { run: (x) => run(ops, x, weight), dispose: () => weight.dispose() }
}
const plain = (run) => async (ops) => ({ run: (...inputs) => run(ops, ...inputs), dispose: () => {} })
const norm = (width) => (load) => load.norm(entry([width]), entry([width]))

/*
 * A case: its name, how it is prepared, the shapes of its differentiated inputs, and the arithmetic of its forward pass
 * and of its gradient. Frozen weights have no gradient; recomputing scores counts as work.
 */
const linear = (rows, inner, out) => [
  `linear ${rows}×${inner} → ${out}`,
  frozen(
    (load) => load.linear(entry([out, inner]), entry([out])),
    (ops, x, weight) => ops.linear(x, weight),
  ),
  [[rows, inner]],
  [2 * rows * inner * out, 2 * rows * inner * out],
]
const dense = (rows, inner, out) => [
  `dense ${rows}×${inner} → ${out}`,
  plain((ops, x, weight, bias) => ops.dense(x, weight, bias)),
  [[rows, inner], [inner, out], [out]],
  [2 * rows * inner * out, 4 * rows * inner * out],
]
const conv2d = (side, inner, out, stride = 1) => {
  const work = (18 * side * side * inner * out) / stride ** 2
  return [
    `conv 3×3${stride === 1 ? "" : ", stride 2,"} ${side}×${side}×${inner} → ${out}`,
    frozen(
      (load) => load.conv2d(entry([out, inner, 3, 3]), entry([out])),
      (ops, x, weight) => ops.conv2d(x, weight, { stride, padding: [1, 1, 1, 1] }),
    ),
    [[1, side, side, inner]],
    [work, work],
  ]
}
const attention = (tokens, keys, heads, dim) => {
  const product = 2 * tokens * keys * heads * dim
  return [
    `attention ${tokens} tokens, ${keys} keys, ${heads} heads of ${dim}`,
    plain((ops, q, k, v) => ops.attention(q, k, v, { heads, causal: false })),
    [tokens, keys, keys].map((length) => [1, length, heads * dim]),
    // Two products forward; scores, their slopes and three results on the way back.
    [2 * product, 5 * product],
  ]
}
const groupNorm = (side, width) => [
  `group norm + SiLU ${side}×${side}×${width}`,
  frozen(norm(width), (ops, x, weight) => ops.groupNorm(x, weight, { groups: 32, epsilon: 1e-5, silu: true })),
  [[1, side, side, width]],
  [12 * side * side * width, 24 * side * side * width],
]
const layerNorm = (rows, width) => [
  `layer norm ${rows}×${width}`,
  frozen(norm(width), (ops, x, weight) => ops.layerNorm(x, weight, 1e-5)),
  [[rows, width]],
  [8 * rows * width, 12 * rows * width],
]
const geglu = (rows, width) => [
  `GEGLU ${rows}×${2 * width} → ${width}`,
  plain((ops, h) => ops.geglu(h)),
  [[rows, 2 * width]],
  [20 * rows * width, 30 * rows * width],
]

const cases = (
  options.small
    ? [
        linear(256, 64, 64),
        dense(256, 64, 32),
        conv2d(16, 32, 32),
        conv2d(16, 32, 32, 2),
        attention(256, 77, 2, 32),
        attention(128, 128, 2, 32),
        groupNorm(16, 64),
        layerNorm(256, 64),
        geglu(256, 64),
      ]
    : [
        linear(4096, 640, 640),
        linear(4096, 640, 5120),
        linear(1024, 1280, 1280),
        linear(1024, 1280, 10_240),
        linear(1024, 5120, 1280),
        linear(77, 2048, 1280),
        dense(4096, 640, 64),
        dense(1024, 1280, 192),
        dense(1024, 64, 1280),
        conv2d(128, 320, 320),
        conv2d(128, 320, 320, 2),
        conv2d(64, 640, 640),
        conv2d(64, 1920, 640),
        conv2d(32, 1280, 1280),
        conv2d(32, 2560, 1280),
        attention(4096, 4096, 10, 64),
        attention(4096, 77, 10, 64),
        attention(1024, 1024, 20, 64),
        attention(1024, 77, 20, 64),
        attention(16_384, 16_384, 1, 512),
        groupNorm(128, 320),
        groupNorm(64, 640),
        layerNorm(4096, 640),
        layerNorm(1024, 1280),
        geglu(4096, 2560),
        geglu(1024, 5120),
      ]
).filter(([name]) => name.includes(options.only))

/** Median seconds of a run. */
async function secondsOf(run) {
  const span = async (count) => {
    const start = performance.now()
    for (let i = 0; i < count; i++) {
      // Its first value is enough to wait for all that was recorded before.
      const first = tf.tidy(() => tf.slice(tf.reshape([run()].flat()[0], [-1]), 0, 1))
      if (i === count - 1) await first.data()
      first.dispose()
    }
    return (performance.now() - start) / 1000
  }
  // The first run compiles.
  await span(1)
  const count = Math.max(1, Math.min(200, Math.round(SPAN_SECONDS / (await span(1)))))
  const times = []
  for (let i = 0; i < SPANS; i++) times.push((await span(count)) / count)
  return times.sort((a, b) => a - b)[Math.floor(SPANS / 2)]
}

/** Seconds forward and of the gradient with its own forward pass; what a side refuses is said instead. */
async function measure(ops, prepare, inputs) {
  const { run, dispose } = await prepare(ops)
  try {
    const forward = await secondsOf(() => run(...inputs))
    const both = await secondsOf(() => tf.grads((...args) => run(...args))(inputs))
    return { forward, both }
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) }
  } finally {
    dispose()
  }
}

const device = [webgpu.vendor, webgpu.architecture, webgpu.description].filter(Boolean).join(" ")
if (!options.json) {
  console.log(`${device}, weights ${options.weights}, tiles ${tiles ? JSON.stringify(tiles) : "as usual"}\n`)
  console.log("| op | forward, GFLOPS: tfjs | this package | | with gradient: tfjs | this package | |")
  console.log("|---|---|---|---|---|---|---|")
}
for (const [name, prepare, shapes, [forwardWork, gradientWork]] of cases) {
  const inputs = shapes.map((shape) => tf.randomNormal(shape))
  const before = await measure(composed, prepare, inputs)
  webgpu.trim()
  const after = await measure(kernels, prepare, inputs)
  webgpu.trim()
  tf.dispose(inputs)
  if (options.json) {
    console.log(JSON.stringify({ name, device, weights: options.weights, forwardWork, gradientWork, before, after }))
    continue
  }
  const columns = [
    ["forward", forwardWork],
    ["both", forwardWork + gradientWork],
  ].flatMap(([which, work]) => {
    const rates = [before, after].map((side) =>
      which in side ? (work / side[which] / 1e9).toPrecision(3) : `refused: ${side.refused.split(".")[0]}`,
    )
    return [...rates, "refused" in before || "refused" in after ? "" : `${(before[which] / after[which]).toFixed(1)}×`]
  })
  console.log(`| ${name} | ${columns.join(" | ")} |`)
}
webgpu.dispose()
