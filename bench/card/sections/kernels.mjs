// GFLOPS of the kernels that take most time of a U-Net, forward and with gradient, at SDXL's shapes. Each is compared
// with float64 before it is timed. Products and convolutions run with the usual tiles, with tuned ones, and forward on
// subgroup matrices where the card has them and passes their check.
import * as tf from "@tensorflow/tfjs"
import { createComposedOps } from "../../../packages/core/dist/ops.js"
import { checkMatrices, createWebgpuOps, tuneMatrices, tuneProducts } from "../../../packages/webgpu/dist/index.js"
import { TOGGLES } from "../gpu.mjs"
import { relativeError } from "../measure/check.mjs"
import { openClock, secondsOfRun } from "../measure/clock.mjs"
import { startTrials } from "../measure/trials.mjs"
import { attention, conv2d, dense, geglu, groupNorm, layerNorm, linear } from "../verbs/cases.mjs"

/** Largest allowed error relative to the greatest value. All sums are float32. On matrices inputs are rounded to float16. */
const TOLERANCE = 2e-5
const MATRICES_TOLERANCE = 2e-3

/** Those that take most of a pass at 1024 px come first. Cases are made when they are due: their tensors are large. */
const SDXL = [
  () => linear(1024, 1280, 10_240),
  () => linear(1024, 5120, 1280),
  () => linear(1024, 1280, 1280),
  () => linear(4096, 640, 5120),
  () => linear(4096, 640, 640),
  () => conv2d(128, 320, 320),
  () => conv2d(64, 640, 640),
  () => conv2d(32, 1280, 1280),
  () => attention(4096, 4096, 10, 64),
  () => attention(1024, 1024, 20, 64),
  () => attention(1024, 77, 20, 64),
  () => attention(4096, 77, 10, 64),
  () => groupNorm(128, 320),
  () => groupNorm(64, 640),
  () => layerNorm(1024, 1280),
  () => layerNorm(4096, 640),
  () => geglu(1024, 5120),
  () => geglu(4096, 2560),
  () => dense(1024, 1280, 192),
  () => dense(1024, 64, 1280),
  () => dense(4096, 640, 64),
  () => linear(77, 2048, 1280),
  () => conv2d(64, 1920, 640),
  () => conv2d(32, 2560, 1280),
  () => conv2d(128, 320, 320, 2),
  () => attention(16_384, 16_384, 1, 512, false),
]
/** Lavapipe compiles the gradient of attention for a minute, and the contract holds it already. */
const SMALL = [
  () => linear(150, 72, 100),
  () => conv2d(16, 32, 40),
  () => conv2d(16, 32, 40, 2),
  () => attention(130, 77, 2, 64, false),
  () => groupNorm(16, 64),
  () => layerNorm(130, 64),
  () => geglu(130, 64),
  () => dense(130, 64, 24),
]

export async function run({ quick, start, write }) {
  const { device, trim } = await start(TOGGLES)
  const base = createComposedOps()
  const ways = [{ tiles: "usual", ops: createWebgpuOps(base, { weights: "F16" }), tolerance: TOLERANCE }]
  // In software, tuning takes minutes and is of no use.
  if (!quick) {
    const since = performance.now()
    const tiles = await tuneProducts()
    write({ tuned: tiles, seconds: (performance.now() - since) / 1000 })
    ways.push({ tiles: "tuned", ops: createWebgpuOps(base, { weights: "F16", tiles }), tolerance: TOLERANCE })
  }
  const problem = await checkMatrices()
  write({ check: "products on subgroup matrices", ok: problem === null, problem })
  if (problem === null) {
    const tiles = quick ? undefined : await tuneMatrices()
    if (tiles !== undefined) write({ tunedMatrices: tiles.matrices })
    const ops = createWebgpuOps(base, { weights: "F16", precision: "F16", ...(tiles && { tiles }) })
    ways.push({ tiles: "matrices", ops, tolerance: MATRICES_TOLERANCE })
  }
  const clock = openClock(device)
  const trials = startTrials(write)
  for (const make of quick ? SMALL : SDXL) {
    const made = make()
    // Layers that train, and gradients, are never on matrices.
    const own = { usual: true, tuned: made.usesTiles, matrices: made.usesMatrices }
    for (const { tiles, ops, tolerance } of ways.filter(({ tiles }) => own[tiles])) {
      const row = { kernel: made.name, ...((made.usesTiles || made.usesMatrices) && { tiles }) }
      await trials.run(row, () =>
        measure(
          tiles === "matrices" ? { ...made, gradient: false } : made,
          ops,
          { clock, span: quick ? 0 : 0.02, tolerance },
          (more) => write({ ...row, ...more }),
        ),
      )
      trim()
    }
  }
  trials.end()
}

/** Compares a case with float64, then times it: forward, and with its gradient. */
async function measure(
  { name, flops, inputs, dy, gradient = true, prepare, forward, back },
  ops,
  { clock, span, tolerance },
  write,
) {
  const tensors = inputs.map(({ shape, values }) => tf.tensor(values, shape))
  const slopes = tf.tensor(dy.values, dy.shape)
  const { run, dispose } = await prepare(ops)
  const passes = [
    { pass: "forward", work: flops[0], expected: [forward], compute: () => [run(...tensors)] },
    {
      ...{ pass: "forward and gradient", work: flops[0] + flops[1], expected: back },
      compute: () => tf.grads((...args) => run(...args))(tensors, slopes),
    },
  ]
  try {
    for (const { pass, work, expected, compute } of gradient ? passes : passes.slice(0, 1)) {
      spoil(pass === "forward" ? [dy.shape] : inputs.map(({ shape }) => shape))
      const maxRelError = await check(`${name}, ${pass}`, tf.tidy(compute), expected, tolerance)
      const runs = async (count) => {
        for (let i = 0; i < count; i++) tf.dispose(tf.tidy(compute))
        await submitted(ops)
      }
      const seconds = await secondsOfRun(clock, runs, { span })
      write({ pass, maxRelError, tolerance, seconds, gflops: work / seconds / 1e9, clock: clock.name })
    }
  } finally {
    dispose()
    tf.dispose([tensors, slopes])
  }
}

/** Leaves wrong values in idle buffers, so that values of an earlier run do not count as right. */
function spoil(shapes) {
  tf.dispose(shapes.flatMap((shape) => Array.from({ length: 4 }, () => tf.fill(shape, 1e9))))
}

/** The greatest error of some tensors, which are disposed. */
async function check(what, tensors, expected, tolerance) {
  const errors = []
  for (const [i, tensor] of tensors.entries()) {
    const { places, values } = expected[i]()
    errors.push(relativeError(`${what}, tensor ${i}`, await tensor.data(), values, tolerance, places))
  }
  tf.dispose(tensors)
  return Math.max(...errors)
}

/** Reading any value submits all commands recorded before. */
async function submitted(ops) {
  const one = tf.tidy(() => ops.relu(tf.ones([1])))
  await one.data()
  one.dispose()
}
