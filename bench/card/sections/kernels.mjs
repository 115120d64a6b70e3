// GFLOPS of the kernels that take most time of a U-Net, forward and with gradient, at SDXL's shapes. Each is compared
// with float64 before it is timed. Products and convolutions run with the usual tiles, and with tuned ones. The section
// matrices measures those on subgroup matrices.
import { createComposedOps } from "../../../packages/core/dist/ops.js"
import { createWebgpuOps, tuneProducts } from "../../../packages/webgpu/dist/index.js"
import { TOGGLES } from "../gpu.mjs"
import { openClock } from "../measure/clock.mjs"
import { startTrials } from "../measure/trials.mjs"
import { attention, conv2d, dense, geglu, groupNorm, layerNorm, linear } from "../verbs/cases.mjs"
import { measureVerb } from "../verbs/measure.mjs"
import { ATTENTIONS, PRODUCTS } from "../verbs/sdxl.mjs"

/** Largest allowed error relative to the greatest value. All arithmetic is float32. */
const TOLERANCE = { forward: 2e-5, gradient: 2e-5 }

/** Those that take most of a pass at 1024 px come first. Cases are made when they are due: their tensors are large. */
const SDXL = [
  ...PRODUCTS,
  ...ATTENTIONS,
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
  const ways = [{ tiles: "usual", ops: createWebgpuOps(base, { weights: "F16" }) }]
  // In software, tuning takes minutes and is of no use.
  if (!quick) {
    const since = performance.now()
    const tiles = await tuneProducts()
    write({ tuned: tiles, seconds: (performance.now() - since) / 1000 })
    ways.push({ tiles: "tuned", ops: createWebgpuOps(base, { weights: "F16", tiles }) })
  }
  const clock = openClock(device)
  const trials = startTrials(write)
  for (const make of quick ? SMALL : SDXL) {
    const made = make()
    for (const { tiles, ops } of ways.filter(({ tiles }) => tiles === "usual" || made.usesTiles)) {
      const row = { kernel: made.name, ...(made.usesTiles && { tiles }) }
      await trials.run(row, () =>
        measureVerb(made, ops, { clock, span: quick ? 0 : 0.02, tolerance: TOLERANCE }, (more) =>
          write({ ...row, ...more }),
        ),
      )
      trim()
    }
  }
  trials.end()
}
