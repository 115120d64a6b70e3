// Our kernels on subgroup matrices (tensor cores, where a card has them), at SDXL's shapes: products and convolutions with
// every tile that tuning tries, and attention forward and back. Values between layers are float16, and float32. Each is
// compared with float64 before it is timed.
import { createComposedOps } from "../../../packages/core/dist/ops.js"
import {
  checkMatrices,
  createWebgpuOps,
  DEFAULT_TILES,
  MATRIX_CANDIDATES,
  MATRIX_TILES,
  tuneMatrices,
} from "../../../packages/webgpu/dist/index.js"
import { TOGGLES } from "../gpu.mjs"
import { openClock } from "../measure/clock.mjs"
import { startTrials } from "../measure/trials.mjs"
import { attention, conv2d, linear } from "../verbs/cases.mjs"
import { measureVerb } from "../verbs/measure.mjs"
import { ATTENTIONS, PRODUCTS } from "../verbs/sdxl.mjs"

/** Largest allowed errors relative to the greatest value. Factors are rounded to float16, and so are stored values. */
const TOLERANCE = { forward: 2e-3, gradient: 4e-3 }

/** Sizes that no tile divides, in every direction. They are not timed. */
const RAGGED = [
  () => linear(203, 104, 148),
  () => conv2d(13, 40, 44),
  () => conv2d(13, 40, 44, 2),
  () => attention(75, 141, 3, 64),
]

/** Products that take the large tile, at 1024 px, and the medium one, at 512 px. */
const TILED = [PRODUCTS, [() => linear(256, 1280, 1280), () => linear(256, 5120, 1280), () => linear(1024, 640, 640)]]
/** Those that have no choice of a tile. */
const OTHERS = [...ATTENTIONS, () => linear(77, 2048, 1280)]

export async function run({ quick, start, write }) {
  const { device, matrices, description, trim } = await start(TOGGLES)
  if (matrices.length === 0) {
    return write({ skipped: `the adapter (${description}) has no subgroup matrices with ${TOGGLES.join(", ")}` })
  }
  const problem = await checkMatrices()
  // Dawn's objects have no JSON.
  write({
    matrices: matrices.map(({ M, N, K }) => ({ M, N, K })),
    check: "products and attention on subgroup matrices",
    ok: problem === null,
    problem,
  })
  const clock = openClock(device)
  const trials = startTrials(write)
  const base = createComposedOps()
  const opsOf = (tiles) => createWebgpuOps(base, { weights: "F16", precision: "F16", ...(tiles && { tiles }) })
  const measure = async (made, ops, row, span) => {
    for (const half of [true, false]) {
      const named = { kernel: made.name, ...row, values: half ? "f16" : "f32" }
      // Only attention has gradients on matrices, and only where slopes are float16.
      const verb = { ...made, gradient: half && made.gradient === true }
      await trials.run(named, () =>
        measureVerb(verb, ops, { clock, span, half, tolerance: TOLERANCE }, (more) => write({ ...named, ...more })),
      )
      trim()
    }
  }
  const usual = opsOf(undefined)
  for (const make of RAGGED) await measure(make(), usual, {}, null)
  // In software, speed does not matter.
  if (!quick) {
    for (const make of OTHERS) await measure(make(), usual, {}, 0.02)
    for (const { tiles, row, make } of tiledKernels()) await measure(make(), opsOf(tiles), row, 0.02)
    write({ tuned: (await tuneMatrices()).matrices })
  }
  trials.end()
}

/** Every product with each tile that it may have. The usual tiles come first, in case the time is too short for all. */
function tiledKernels() {
  const kernels = MATRIX_CANDIDATES.flatMap((candidates, i) =>
    candidates.flatMap((tile, choice) =>
      TILED[i].map((make) => ({
        ...{
          choice,
          make,
          row: { tile: `${tile.subgroups.join("×")} subgroups of ${tile.matrices.join("×")} by ${tile.depth}` },
        },
        tiles: { ...DEFAULT_TILES, matrices: MATRIX_TILES.map((each, at) => (at === i ? tile : each)) },
      })),
    ),
  )
  return kernels.sort((one, other) => one.choice - other.choice)
}
