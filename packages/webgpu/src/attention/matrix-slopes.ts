import type { KernelSource } from "../device/commands.ts"
import type { MatrixUnit } from "../product/matrix-tiles.ts"
import { type Element, unrolled, wgslModule } from "../wgsl/module.ts"
import {
  type AttentionTile,
  fittingTile,
  inRow,
  type LoadedRows,
  loadRows,
  matrixTypes,
  PADDING,
  rowsOfTile,
  SUM_PADDING,
  type WorkgroupLimits,
  type WorkgroupNeeds,
} from "./matrix-parts.ts"

/** The slopes of a kernel: at queries, or at keys and values. */
export type MatrixSlopes = "dq" | "dkv"

/** From large to small. With matrices of 16×16×16 they are 64 own rows by 32 others, 32 by 32, and 32 by 16. */
const TILES: readonly AttentionTile[] = [
  { subgroups: 4, others: 32 },
  { subgroups: 2, others: 32 },
  { subgroups: 2, others: 16 },
]

/** Probabilities are at most 1. So many times as large, those down to 2e-9 are normal float16. */
const CHANCE_SCALE = 2 ** 15

/**
 * A row's slopes at scores are multiplied by a power of two, which brings the greatest of a tile to between 2^8 and 2^9.
 * They are scaled anew where a later one would be over 2^15. So slopes of any size are normal float16, down to 2^-22 of the
 * greatest.
 */
const SLOPE_EXPONENT = 8
const MOST_SLOPE = 2 ** 15

/** Buffers of both sides, whose products are the scores and the slopes at probabilities. */
interface Plan {
  readonly own: readonly [score: string, slope: string]
  readonly other: readonly [score: string, slope: string]
  readonly ownCount: string
  readonly otherCount: string
  readonly reads: Readonly<Record<string, Element>>
  readonly writes: Readonly<Record<string, Element>>
}

const SHARED_READS = { q: "vec4f", k: "vec4f", v: "vec4f", dy: "vec4f", logSum: "f32" } as const

const PLANS: Readonly<Record<MatrixSlopes, Plan>> = {
  dq: {
    ...{ own: ["q", "dy"], other: ["k", "v"], ownCount: "p.tokens", otherCount: "p.keys" },
    ...{ reads: { ...SHARED_READS, y: "vec4f" }, writes: { result: "vec4f", along: "f32" } },
  },
  dkv: {
    ...{ own: ["k", "v"], other: ["q", "dy"], ownCount: "p.keys", otherCount: "p.tokens" },
    ...{ reads: { ...SHARED_READS, along: "f32" }, writes: { result: "vec4f", dv: "vec4f" } },
  },
}

/** Sizes of a tile in values, and its shared memory in fours. */
interface TileSizes extends WorkgroupNeeds {
  /** Fours of float16 between two rows of either side. */
  readonly stride: number
  /** Fours of float16 between two rows of weights, and of all rows of one kind. */
  readonly weightStride: number
  readonly weightFours: number
  /** Fours of float32 between two rows of scores and their slopes, where sums go through, too. */
  readonly scoreStride: number
}

function sizesOf(unit: MatrixUnit, tile: AttentionTile, dim: number): TileSizes {
  const { others, subgroups } = tile
  const rows = rowsOfTile(unit, tile)
  const stride = dim / 4 + PADDING
  const weightStride = others / 4 + PADDING
  const weightFours = rows * weightStride
  const scoreStride = Math.max(2 * others, dim) / 4 + SUM_PADDING
  // Of slopes at keys and values, which take the most.
  const sharedBytes =
    8 * (2 * others * stride + 2 * weightFours) + 16 * rows * scoreStride + 8 * others + 4 * (rows + 1)
  return { rows, threads: unit.lanes * subgroups, stride, weightStride, weightFours, scoreStride, sharedBytes }
}

/** The largest tile that a device takes for heads of a width. Null where there is none. */
export function slopesTileOf(unit: MatrixUnit, limits: WorkgroupLimits, dim: number): AttentionTile | null {
  return fittingTile(unit, limits, dim, TILES, (tile) => sizesOf(unit, tile, dim))
}

/**
 * As `attentionKernel` of `dq` or `dkv` without a mask, with the same parameters and buffers, on subgroup matrices. Queries,
 * keys, values, slopes at results, probabilities and slopes at scores are rounded to float16. Scores and sums are float32.
 * No two workgroups write one value, so the order of a sum is fixed by the tile and the device.
 *
 * A subgroup has a matrix of own rows. It holds them, their slopes or values, and its sums in registers. It computes scores
 * anew, and takes probabilities from the logarithms of their sums.
 */
export function matrixSlopesKernel(
  slopes: MatrixSlopes,
  unit: MatrixUnit,
  tile: AttentionTile,
  dim: number,
): KernelSource {
  const { M, N, K, lanes } = unit
  const { others } = tile
  const { rows, threads, stride, weightStride, weightFours, scoreStride } = sizesOf(unit, tile, dim)
  const { own, other, ownCount, otherCount, reads, writes } = PLANS[slopes]
  const ofQueries = slopes === "dq"
  const across = lanes / M
  const fours = dim / 4
  const load = (rows: LoadedRows): string => loadRows(rows, { dim, stride, threads })
  const loadOwn = (buffer: string, name: string): string => `
${load({ buffer, side: "own", first: "own0", count: rows, limit: ownCount, to: 0 })}
workgroupBarrier();
${unrolled(dim / K, (d) => `let ${name}${d} = subgroupMatrixLoad<Left, row_major>(&tiles, subgroup * ${M * stride}u + ${(d * K) / 4}u, ${stride}u);`)}
workgroupBarrier();`
  const loadOthers = (buffer: string, to: number): string =>
    load({ buffer, side: "other", first: "other0", count: others, limit: otherCount, to })
  /** Products of own rows with those of a tile, beside the scores. */
  const multiply = (name: string, from: number, to: number): string =>
    unrolled(
      others / N,
      (j) => `  {
    var product = Sum();
${unrolled(dim / K, (d) => `    product = subgroupMatrixMultiplyAccumulate(${name}${d}, subgroupMatrixLoad<Right, col_major>(&tiles, ${from + j * N * stride + (d * K) / 4}u, ${stride}u), product);`)}
    subgroupMatrixStore<row_major>(&scores, subgroup * ${M * scoreStride}u + ${to + (j * N) / 4}u, product, ${scoreStride}u);
  }`,
    )
  const eachSum = (line: (j: number) => string): string => unrolled(dim / N, line)
  const storeSums = (name: string): string =>
    eachSum(
      (j) =>
        `subgroupMatrixStore<row_major>(&scores, subgroup * ${M * scoreStride}u + ${(j * N) / 4}u, ${name}${j}, ${scoreStride}u);`,
    )
  /** Adds up the rows of a tile by weights. */
  const addUp = (name: string, weights: number, from: number): string =>
    unrolled(
      others / K,
      (d) => `  {
    let factors = subgroupMatrixLoad<Left, row_major>(&weights, ${weights}u + subgroup * ${M * weightStride}u + ${(d * K) / 4}u, ${weightStride}u);
${eachSum((j) => `    ${name}${j} = subgroupMatrixMultiplyAccumulate(factors, subgroupMatrixLoad<Right, row_major>(&tiles, ${from + d * K * stride + (j * N) / 4}u, ${stride}u), ${name}${j});`)}
  }`,
    )
  const write = (name: string, result: string, scale: string): string => `${storeSums(name)}
workgroupBarrier();
for (var e = local; e < ${rows * fours}u; e += ${threads}u) {
  let at = e / ${fours}u;
  let four = e % ${fours}u;
  if (own0 + at < ${ownCount}) {
    store_${result}((ownAt + (own0 + at) * width) / 4u + four, scores[at * ${scoreStride}u + four] * ${scale});
  }
}`
  return {
    key: `attention ${slopes} on matrices, heads of ${dim}, ${rows} by ${others}, ${M}×${N}×${K} of ${lanes}`,
    code: (storages) =>
      wgslModule(
        {
          enable: ["f16", "subgroups", "chromium_experimental_subgroup_matrix"],
          params: ["heads", "tokens", "keys", "scale: f32"],
          ...{ reads, writes, threads },
          declarations: `${matrixTypes(unit)}
/** Rows of the other side that scores read, then those that slopes read. At first: own rows. */
var<workgroup> tiles: array<vec4h, ${2 * others * stride}>;
/** Slopes at scores${ofQueries ? "" : ", then probabilities"}. */
var<workgroup> weights: array<vec4h, ${(ofQueries ? 1 : 2) * weightFours}>;
/** Of every row: scores, then slopes. */
var<workgroup> scores: array<vec4f, ${rows * scoreStride}>;
${ofQueries ? "" : `/** Of the other side's rows: the logarithm of a sum, and the slope along its probabilities. */\nvar<workgroup> stats: array<vec2f, ${others}>;`}
var<workgroup> parts: array<f32, ${rows}>;
var<workgroup> grown: u32;`,
          main: `
let blocks = (${ownCount} + ${rows - 1}u) / ${rows}u;
let head = group / blocks % p.heads;
let sample = group / blocks / p.heads;
if (group >= arrayLength(&result) / (${ownCount} * ${fours}u) * blocks) { return; }
let width = p.heads * ${dim}u;
let own0 = group % blocks * ${rows}u;
let ownAt = sample * ${ownCount} * width + head * ${dim}u;
let otherAt = sample * ${otherCount} * width + head * ${dim}u;
let statsAt = (sample * p.heads + head) * p.tokens;
let row = subgroup * ${M}u + lane / ${across}u;
let across = lane % ${across}u;
${loadOwn(own[0], "scoreRows")}
${loadOwn(own[1], "slopeRows")}
${eachSum((j) => `var sum${j} = Sum();`)}
${ofQueries ? ownStats(unit, fours) : eachSum((j) => `var chanceSum${j} = Sum();`)}
// By what the row's slopes are multiplied. Zero: all are zero so far.
var factor = 0.0;
for (var other0 = 0u; other0 < ${otherCount}; other0 += ${others}u) {
  if (local == 0u) { grown = 0u; }
${loadOthers(other[0], 0)}
${loadOthers(other[1], others * stride)}
${
  ofQueries
    ? ""
    : `  for (var e = local; e < ${others}u; e += ${threads}u) {
    let at = statsAt + min(other0 + e, p.tokens - 1u);
    stats[e] = vec2f(logSum[at], along[at]);
  }`
}
  workgroupBarrier();
${multiply("scoreRows", 0, 0)}
${multiply("slopeRows", others * stride, others / 4)}
  workgroupBarrier();
  var greatest = 0.0;
  for (var c = across; c < ${others / 4}u; c += ${across}u) {
    let at = row * ${scoreStride}u + c;
    let seen = other0 + c * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(${otherCount});
${
  ofQueries
    ? ""
    : `    let four = array<vec2f, 4>(${[0, 1, 2, 3].map((i) => `stats[c * 4u + ${i}u]`).join(", ")});
    let ownLogSum = vec4f(four[0].x, four[1].x, four[2].x, four[3].x);
    let ownAlong = vec4f(four[0].y, four[1].y, four[2].y, four[3].y);`
}
    let chance = select(vec4f(), exp(min(scores[at] * p.scale - ownLogSum, vec4f())), seen);
    let slope = chance * (scores[at + ${others / 4}u] - ownAlong) * p.scale;
    scores[at + ${others / 4}u] = slope;
${ofQueries ? "" : `    weights[${weightFours}u + row * ${weightStride}u + c] = vec4h(chance * ${CHANCE_SCALE}.0);`}
    let size = abs(slope);
    greatest = max(greatest, max(max(size[0], size[1]), max(size[2], size[3])));
  }
${inRow(unit, "  greatest = max(greatest, subgroupShuffleXor(greatest, STEP));")}
  var shrink = 1.0;
  if (greatest > 0.0 && (factor == 0.0 || greatest * factor > ${MOST_SLOPE}.0)) {
    let exponent = max(bitcast<u32>(greatest) >> 23u, 1u);
    let now = bitcast<f32>(min(${2 * 127 + SLOPE_EXPONENT}u - exponent, 254u) << 23u);
    shrink = select(now / factor, 0.0, factor == 0.0);
    factor = now;
    grown = 1u;
  }
  for (var c = across; c < ${others / 4}u; c += ${across}u) {
    weights[row * ${weightStride}u + c] = vec4h(scores[row * ${scoreStride}u + ${others / 4}u + c] * factor);
  }
  // Before the first rows, sums are zero.
  if (workgroupUniformLoad(&grown) != 0u && other0 > 0u) {
${storeSums("sum")}
    workgroupBarrier();
    for (var c = across; c < ${fours}u; c += ${across}u) { scores[row * ${scoreStride}u + c] *= shrink; }
    workgroupBarrier();
${eachSum((j) => `    sum${j} = subgroupMatrixLoad<Sum, row_major>(&scores, subgroup * ${M * scoreStride}u + ${(j * N) / 4}u, ${scoreStride}u);`)}
  }
${addUp("sum", 0, 0)}
${ofQueries ? "" : addUp("chanceSum", weightFours, others * stride)}
  workgroupBarrier();
}
if (across == 0u) { parts[row] = select(1.0 / factor, 0.0, factor == 0.0); }
${write("sum", "result", "parts[at]")}
${ofQueries ? "" : `workgroupBarrier();\n${write("chanceSum", "dv", `${1 / CHANCE_SCALE}f`)}`}`,
        },
        storages,
      ),
  }
}

/** The logarithm of a query's sum, and its slope along its probabilities, Σ y dy, which is computed here. */
function ownStats(unit: MatrixUnit, fours: number): string {
  const across = unit.lanes / unit.M
  return `let ownToken = min(own0 + row, p.tokens - 1u);
let ownLogSum = logSum[statsAt + ownToken];
var ownAlong = 0.0;
for (var c = across; c < ${fours}u; c += ${across}u) {
  let at = (ownAt + ownToken * width) / 4u + c;
  ownAlong += dot(load_y(at), load_dy(at));
}
${inRow(unit, "ownAlong += subgroupShuffleXor(ownAlong, STEP);")}
if (across == 0u && own0 + row < p.tokens) { along[statsAt + own0 + row] = ownAlong; }`
}
