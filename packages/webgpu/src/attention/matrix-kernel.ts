import type { KernelSource } from "../device/commands.ts"
import type { MatrixUnit } from "../product/matrix-tiles.ts"
import { unrolled, wgslModule } from "../wgsl/module.ts"
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

/** From large to small. With matrices of 16×16×16 they are 64 queries by 64 keys, 64 by 32, and 32 by 32. */
const TILES: readonly AttentionTile[] = [
  { subgroups: 4, others: 64 },
  { subgroups: 4, others: 32 },
  { subgroups: 2, others: 32 },
]

/** Sums are scaled anew where a row's greatest score grew by more. So probabilities stay below e⁶, and sums exact. */
const SLACK = 6

/** Below any score. It is finite, because WGSL lets a driver assume that infinity does not occur. */
const LOWEST = "-1e30f"

/** Sizes of a tile in values, and its shared memory in fours. */
interface TileSizes extends WorkgroupNeeds {
  /** Fours of float16 between two rows of queries, keys or values. */
  readonly stride: number
  /** Fours of float16 between two rows of probabilities. */
  readonly chanceStride: number
  /** Fours of float32 between two rows of scores, where sums are scaled, too. */
  readonly scoreStride: number
}

function sizesOf(unit: MatrixUnit, tile: AttentionTile, dim: number): TileSizes {
  const { others: keys, subgroups } = tile
  const rows = rowsOfTile(unit, tile)
  const stride = dim / 4 + PADDING
  const chanceStride = keys / 4 + PADDING
  const scoreStride = Math.max(keys, dim) / 4 + SUM_PADDING
  const sharedBytes = 8 * (2 * keys * stride + rows * chanceStride) + 16 * rows * scoreStride + 4 * (rows + 1)
  return { rows, threads: unit.lanes * subgroups, stride, chanceStride, scoreStride, sharedBytes }
}

/** The largest tile that a device takes for heads of a width. Null where there is none. */
export function attentionTileOf(unit: MatrixUnit, limits: WorkgroupLimits, dim: number): AttentionTile | null {
  return fittingTile(unit, limits, dim, TILES, (tile) => sizesOf(unit, tile, dim))
}

/**
 * As `attentionKernel` of y without a mask, with the same parameters and buffers, on subgroup matrices. Queries, keys,
 * values and probabilities are rounded to float16. Scores and sums are float32. The order of a sum is fixed by the tile and
 * the device.
 *
 * A subgroup has a matrix of query rows. It holds them and the sums of their results in registers. Scores go through
 * shared memory, because the elements of a matrix are not accessible. So do the sums where they are scaled anew.
 */
export function matrixAttentionKernel(unit: MatrixUnit, tile: AttentionTile, dim: number): KernelSource {
  const { M, N, K, lanes } = unit
  const { others: keys } = tile
  const { rows, threads, stride, chanceStride, scoreStride } = sizesOf(unit, tile, dim)
  /** Invocations of a row. */
  const across = lanes / M
  const fours = dim / 4
  const load = (rows: LoadedRows): string => loadRows(rows, { dim, stride, threads })
  const sums = (line: (j: number) => string): string => unrolled(dim / N, line)
  const storeSums = sums(
    (j) =>
      `subgroupMatrixStore<row_major>(&scores, subgroup * ${M * scoreStride}u + ${(j * N) / 4}u, sum${j}, ${scoreStride}u);`,
  )
  return {
    key: `attention on matrices, heads of ${dim}, ${rows} by ${keys} keys, ${M}×${N}×${K} of ${lanes}`,
    code: (storages) =>
      wgslModule(
        {
          enable: ["f16", "subgroups", "chromium_experimental_subgroup_matrix"],
          params: ["heads", "tokens", "keys", "scale: f32"],
          reads: { q: "vec4f", k: "vec4f", v: "vec4f" },
          writes: { result: "vec4f", logSum: "f32" },
          threads,
          declarations: `${matrixTypes(unit)}
/** Keys, then values. At first: queries. */
var<workgroup> tiles: array<vec4h, ${2 * keys * stride}>;
var<workgroup> chances: array<vec4h, ${rows * chanceStride}>;
var<workgroup> scores: array<vec4f, ${rows * scoreStride}>;
var<workgroup> totals: array<f32, ${rows}>;
var<workgroup> grown: u32;`,
          main: `
let blocks = (p.tokens + ${rows - 1}u) / ${rows}u;
let head = group / blocks % p.heads;
let sample = group / blocks / p.heads;
if (group >= arrayLength(&logSum) / p.tokens * blocks) { return; }
let width = p.heads * ${dim}u;
let own0 = group % blocks * ${rows}u;
let ownAt = sample * p.tokens * width + head * ${dim}u;
let otherAt = sample * p.keys * width + head * ${dim}u;
${load({ buffer: "q", side: "own", first: "own0", count: rows, limit: "p.tokens", to: 0 })}
workgroupBarrier();
${unrolled(dim / K, (d) => `let queries${d} = subgroupMatrixLoad<Left, row_major>(&tiles, subgroup * ${M * stride}u + ${(d * K) / 4}u, ${stride}u);`)}
${sums((j) => `var sum${j} = Sum();`)}
let row = subgroup * ${M}u + lane / ${across}u;
let across = lane % ${across}u;
// Scores are reckoned from this one on.
var reference = ${LOWEST};
var total = 0.0;
workgroupBarrier();
for (var key0 = 0u; key0 < p.keys; key0 += ${keys}u) {
  if (local == 0u) { grown = 0u; }
${load({ buffer: "k", side: "other", first: "key0", count: keys, limit: "p.keys", to: 0 })}
${load({ buffer: "v", side: "other", first: "key0", count: keys, limit: "p.keys", to: keys * stride })}
  workgroupBarrier();
${unrolled(
  keys / N,
  (j) => `  {
    var score = Sum();
${unrolled(dim / K, (d) => `    score = subgroupMatrixMultiplyAccumulate(queries${d}, subgroupMatrixLoad<Right, col_major>(&tiles, ${j * N * stride + (d * K) / 4}u, ${stride}u), score);`)}
    subgroupMatrixStore<row_major>(&scores, subgroup * ${M * scoreStride}u + ${(j * N) / 4}u, score, ${scoreStride}u);
  }`,
)}
  workgroupBarrier();
  var greatest = ${LOWEST};
  for (var c = across; c < ${keys / 4}u; c += ${across}u) {
    let others = key0 + c * 4u + vec4u(0u, 1u, 2u, 3u);
    let scaled = select(vec4f(${LOWEST}), scores[row * ${scoreStride}u + c] * p.scale, others < vec4u(p.keys));
    greatest = max(greatest, max(max(scaled[0], scaled[1]), max(scaled[2], scaled[3])));
  }
${inRow(unit, "  greatest = max(greatest, subgroupShuffleXor(greatest, STEP));")}
  var shrink = 1.0;
  if (greatest > reference + ${SLACK}.0) {
    shrink = exp(max(reference - greatest, -80.0));
    reference = greatest;
    grown = 1u;
  }
  total *= shrink;
  for (var c = across; c < ${keys / 4}u; c += ${across}u) {
    let others = key0 + c * 4u + vec4u(0u, 1u, 2u, 3u);
    let scaled = min(scores[row * ${scoreStride}u + c] * p.scale - reference, vec4f(${SLACK + 1}.0));
    let chance = vec4h(select(vec4f(), exp(scaled), others < vec4u(p.keys)));
    // What is added up is what the values are weighted by.
    total += dot(vec4f(chance), vec4f(1.0));
    chances[row * ${chanceStride}u + c] = chance;
  }
  // Before the first keys, sums are zero.
  if (workgroupUniformLoad(&grown) != 0u && key0 > 0u) {
${storeSums}
    workgroupBarrier();
    for (var c = across; c < ${fours}u; c += ${across}u) { scores[row * ${scoreStride}u + c] *= shrink; }
    workgroupBarrier();
${sums((j) => `    sum${j} = subgroupMatrixLoad<Sum, row_major>(&scores, subgroup * ${M * scoreStride}u + ${(j * N) / 4}u, ${scoreStride}u);`)}
  }
${unrolled(
  keys / K,
  (d) => `  {
    let weights = subgroupMatrixLoad<Left, row_major>(&chances, subgroup * ${M * chanceStride}u + ${(d * K) / 4}u, ${chanceStride}u);
${sums((j) => `    sum${j} = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(&tiles, ${keys * stride + d * K * stride + (j * N) / 4}u, ${stride}u), sum${j});`)}
  }`,
)}
  workgroupBarrier();
}
${inRow(unit, "total += subgroupShuffleXor(total, STEP);")}
if (across == 0u) {
  totals[row] = total;
  if (own0 + row < p.tokens) {
    logSum[(sample * p.heads + head) * p.tokens + own0 + row] = reference + log(total);
  }
}
${storeSums}
workgroupBarrier();
for (var e = local; e < ${rows * fours}u; e += ${threads}u) {
  let at = e / ${fours}u;
  let four = e % ${fours}u;
  if (own0 + at < p.tokens) {
    store_result((ownAt + (own0 + at) * width) / 4u + four, scores[at * ${scoreStride}u + four] / totals[at]);
  }
}`,
        },
        storages,
      ),
  }
}
