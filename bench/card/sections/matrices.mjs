// Kernels on subgroup matrices (tensor cores, where a card has them): products, 3×3 convolutions and flash attention.
// Float16 in memory and attention are ahead of the packages, whose products on matrices `kernels` measures. Each is
// compared with float64 before it is timed.
import { attentionKernel } from "../matrices/attention.mjs"
import { attentionCase, convolutionCase, productCase } from "../matrices/cases.mjs"
import { convolutionKernel } from "../matrices/convolution.mjs"
import { halfConfigs } from "../matrices/fragments.mjs"
import { productKernel } from "../matrices/product.mjs"
import { tileName } from "../matrices/tiled-sum.mjs"
import { ATTENTION_TILES, QUICK_ATTENTION_TILES, QUICK_TILES, TILES } from "../matrices/tiles.mjs"
import { openClock, secondsOfRun } from "../measure/clock.mjs"
import { bind, compile } from "../measure/own-kernels.mjs"
import { startTrials } from "../measure/trials.mjs"

/**
 * Dawn offers subgroup matrices with the first, and float16 on NVIDIA's Vulkan with the second only. The kernels check
 * bounds themselves, so the third leaves out Dawn's own checks.
 */
const TOGGLES = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia", "disable_robustness"]
const MATRICES = "chromium-experimental-subgroup-matrix"

/** Largest allowed errors relative to the greatest value. Sums in float16 lose the most, then float16 in memory. */
const TOLERANCE = { sums: { f32: 1e-5, f16: 3e-2 }, activations: { f32: 1e-5, f16: 1e-3 }, attention: 2e-3 }

/** Sizes that no tile divides, in every direction. All their values are compared. */
const RAGGED = {
  products: [{ m: 203, n: 148, k: 104 }],
  convolutions: [1, 2].map((stride) => ({ side: 13, inner: 40, out: 44, stride })),
  attentions: [{ tokens: 75, keys: 141, heads: 3 }],
}
/** The largest product of peers' tables, and SDXL's at 1024 px. */
const SDXL = {
  products: [
    { m: 4096, n: 4096, k: 4096 },
    { m: 1024, n: 10_240, k: 1280 },
    { m: 4096, n: 640, k: 640 },
    { m: 4096, n: 5120, k: 640 },
    { m: 1024, n: 1280, k: 1280 },
    { m: 1024, n: 1280, k: 5120 },
    { m: 77, n: 1280, k: 2048 },
  ],
  convolutions: [
    { side: 128, inner: 320, out: 320, stride: 1 },
    { side: 64, inner: 640, out: 640, stride: 1 },
    { side: 32, inner: 1280, out: 1280, stride: 1 },
    { side: 64, inner: 640, out: 640, stride: 2 },
  ],
  attentions: [
    { tokens: 4096, keys: 4096, heads: 10 },
    { tokens: 4096, keys: 77, heads: 10 },
    { tokens: 1024, keys: 1024, heads: 20 },
    { tokens: 1024, keys: 77, heads: 20 },
  ],
}
const SMALL = {
  products: [{ m: 256, n: 256, k: 128 }],
  convolutions: [{ side: 16, inner: 32, out: 32, stride: 1 }],
  attentions: [{ tokens: 128, keys: 77, heads: 2 }],
}

export async function run({ quick, open, write }) {
  const { adapter, device } = await open(TOGGLES)
  const lacking = whyNot(adapter, device)
  if (lacking !== null) return write({ skipped: lacking })
  const clock = openClock(device)
  const configs = halfConfigs(adapter.info)
  const lanes = adapter.info.subgroupMaxSize
  write({ configs, lanes, clock: clock.name })
  const trial = { device, clock, limits: device.limits, span: quick ? 0 : 0.01 }
  const tried = kernelsToTry({ device, configs, lanes, quick }).map((each) => ({
    ...each,
    ready: prepare(trial, each),
  }))
  const trials = startTrials(write)
  for (const each of tried) await trials.run(each.row, () => measure(trial, each, write))
  trials.end()
}

/**
 * Every kernel: its name in rows, its source, the cases to compare and the cases to time. Those for the packages' next
 * kernels come first, in case the time is too short for all.
 */
function kernelsToTry({ device, configs, lanes, quick }) {
  const sizes = quick ? SMALL : SDXL
  const tiles = quick ? QUICK_TILES : TILES
  const attentionTiles = quick ? QUICK_ATTENTION_TILES : ATTENTION_TILES
  const [product, convolution, attention] = [productCase, convolutionCase, attentionCase].map(keptFor(device))
  const tiled = (kernel, kernelOf, caseOf, ragged, timed, kind) => ({
    row: { kernel, ...kind, tile: tileName(kind.tile) },
    make: () => kernelOf({ config: configs[kind.sums], lanes, ...kind }),
    tolerance: Math.max(TOLERANCE.sums[kind.sums], TOLERANCE.activations[kind.activations]),
    checked: () => ragged.map((size) => caseOf(size, kind.activations)),
    timed: () => timed.map((size) => caseOf(size, kind.activations)),
  })
  const products = (count) => (kind) =>
    tiled("product", productKernel, product, RAGGED.products, sizes.products.slice(0, count), kind)
  const convolutions = (count) => (kind) =>
    tiled("conv2d", convolutionKernel, convolution, RAGGED.convolutions, sizes.convolutions.slice(0, count), kind)
  const kindsOf = (...pairs) =>
    pairs
      .filter(({ sums }) => sums in configs)
      .flatMap((pair) => tiles.flatMap((tile) => [true, false].map((ahead) => ({ tile, ahead, ...pair }))))
  const best = kindsOf({ sums: "f32", activations: "f16" })
  const wide = kindsOf({ sums: "f32", activations: "f32" })
  const narrow = kindsOf({ sums: "f16", activations: "f16" }, { sums: "f16", activations: "f32" })
  return [
    ...attentionTiles.map((tile) => ({
      row: { kernel: "attention", tile: `${tile.subgroups} subgroups, ${tile.keys} keys` },
      make: () => attentionKernel({ config: configs.f32, lanes, tile }),
      tolerance: TOLERANCE.attention,
      checked: () => RAGGED.attentions.map((size) => attention(size)),
      timed: () => sizes.attentions.map((size) => attention(size)),
    })),
    ...best.map(products(sizes.products.length)),
    ...best.map(convolutions(sizes.convolutions.length)),
    ...[...wide, ...narrow].map(products(3)),
    ...wide.map(convolutions(2)),
  ]
}

/** Makes each case once: its tensors and expected values are the same for all kernels. */
function keptFor(device) {
  return (make) => {
    const kept = new Map()
    return (size, activations) => {
      const key = JSON.stringify([size, activations])
      if (!kept.has(key)) kept.set(key, make(device, size, activations))
      return kept.get(key)
    }
  }
}

/** Begins to compile a kernel. Null: it needs more than the device has. */
function prepare({ device, limits }, { row, make }) {
  const ready = (async () => {
    const { code, threads, sharedBytes, plan } = make()
    if (threads > limits.maxComputeInvocationsPerWorkgroup) return null
    if (sharedBytes > limits.maxComputeWorkgroupStorageSize) return null
    return { plan, pipeline: await compile(device, row.kernel, code) }
  })()
  // The code that awaits it gets the error. Until then it must not count as unhandled.
  ready.catch(() => {})
  return ready
}

/** Compares a kernel with float64, then times it. */
async function measure({ device, clock, span }, { row, ready, tolerance, checked, timed }, write) {
  const kernel = await ready
  if (kernel === null) return write({ ...row, leftOut: "takes more invocations or shared memory than the device has" })
  const on = ({ size, buffers }) => {
    const { params, groups } = kernel.plan(size)
    return bind(device, kernel.pipeline, params, buffers, groups)
  }
  for (const ragged of checked()) {
    const bound = on(ragged)
    const maxRelError = await ragged.check(bound.run, tolerance)
    bound.dispose()
    write({ ...row, case: ragged.name, maxRelError, tolerance })
  }
  for (const sized of timed()) {
    const bound = on(sized)
    const maxRelError = await sized.check(bound.run, tolerance)
    const seconds = await secondsOfRun(clock, async (count) => bound.run(count), { span })
    bound.dispose()
    write({
      ...row,
      case: sized.name,
      maxRelError,
      tolerance,
      seconds,
      gflops: sized.flops / seconds / 1e9,
      clock: clock.name,
    })
  }
}

/** Why an adapter cannot run these kernels, or null. */
function whyNot({ features, info }, device) {
  if (!features.has(MATRICES)) {
    return `the adapter (${info.description}) has no feature ${MATRICES} with ${TOGGLES.join(", ")}`
  }
  for (const feature of [MATRICES, "shader-f16", "subgroups"]) {
    if (!device.features.has(feature)) return `the device has no feature ${feature}`
  }
  if (halfConfigs(info).f32 === undefined) {
    return `no configuration multiplies f16 into f32: ${JSON.stringify([...(info.subgroupMatrixConfigs ?? [])])}`
  }
  if (info.subgroupMinSize !== info.subgroupMaxSize) {
    return `subgroups have ${info.subgroupMinSize} to ${info.subgroupMaxSize} lanes, and these kernels need to know how many`
  }
  return null
}
