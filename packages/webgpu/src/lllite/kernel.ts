import type { KernelSource } from "../device/commands.ts"
import { unrolled, wgslModule } from "../wgsl/module.ts"

/** A workgroup's invocations: 4 down its rows, 32 across its columns. */
const DOWN = 4
const ACROSS = 32
const THREADS = DOWN * ACROSS

/** The widest middle. Four of its rows fit into the 16 KiB of shared memory that every device has. */
export const MAX_WIDTH = 1024

/**
 * The number of workgroups that keeps a device busy. With fewer, columns are cut into parts, and each part computes the
 * middle.
 */
const BUSY = 64

/** Rows of one workgroup. */
export function rowsOfGroup(width: number): number {
  return width <= 256 ? 16 : DOWN
}

/** How this many tiles of rows are cut across their columns. With `four`, columns count in fours. */
export function blocksOf(
  channels: number,
  four: boolean,
  tiles: number,
): { readonly columns: number; readonly span: number; readonly groups: number } {
  const columns = four ? channels / 4 : channels
  const blocks = Math.ceil(columns / ACROSS)
  const parts = Math.max(1, Math.min(blocks, Math.floor(BUSY / tiles)))
  const span = ACROSS * Math.ceil(blocks / parts)
  return { columns, span, groups: tiles * Math.ceil(columns / span) }
}

/**
 * result = x + up(middle) + strength · bias, with middle = strength · relu(share + midDown(relu(h))). The middle is
 * kept for the slopes.
 * Parameters: first row, row after the last, rows of the share, columns, columns of h, first column of h, columns of a
 * part, strength.
 */
export function adaptKernel(width: number, four: boolean): KernelSource {
  const groupRows = rowsOfGroup(width)
  const each = groupRows / DOWN
  const element = four ? "vec4f" : "f32"
  return {
    key: `adapt by ${width}, ${four ? "by four" : "by one"}`,
    code: () =>
      wgslModule({
        params: ["begin", "rows", "sharedRows", "columns", "joined", "origin", "span", "strength: f32"],
        reads: { x: element, h: "f32", midDown: "f32", share: "f32", up: element, bias: element },
        writes: { result: element, middle: "f32" },
        threads: THREADS,
        declarations: `var<workgroup> tile: array<f32, ${groupRows * width}>;`,
        main: `let tiles = (p.rows - p.begin + ${groupRows - 1}u) / ${groupRows}u;
let top = p.begin + group % tiles * ${groupRows}u;
let first = group / tiles * p.span;
if (first >= p.columns) { return; }
for (var e = local; e < ${groupRows * width}u; e += ${THREADS}u) {
  let row = top + e / ${width}u;
  let j = e % ${width}u;
  var sum = 0.0;
  if (row < p.rows) {
    let at = row * p.joined + p.origin;
    sum = share[row % p.sharedRows * ${width}u + j];
    for (var i = 0u; i < ${width}u; i++) { sum += max(h[at + i], 0.0) * midDown[i * ${width}u + j]; }
    sum = p.strength * max(sum, 0.0);
    if (first == 0u) { middle[row * ${width}u + j] = sum; }
  }
  tile[e] = sum;
}
workgroupBarrier();
let down = local / ${ACROSS}u;
let end = min(first + p.span, p.columns);
for (var c = first + local % ${ACROSS}u; c < end; c += ${ACROSS}u) {
${unrolled(each, (i) => `  var sum${i} = p.strength * bias[c];`)}
  for (var j = 0u; j < ${width}u; j++) {
    let u = up[j * p.columns + c];
${unrolled(each, (i) => `    sum${i} += tile[(down + ${DOWN * i}u) * ${width}u + j] * u;`)}
  }
${unrolled(
  each,
  (i) => `  let row${i} = top + down + ${DOWN * i}u;
  if (row${i} < p.rows) { result[row${i} * p.columns + c] = x[row${i} * p.columns + c] + sum${i}; }`,
)}
}`,
      }),
  }
}

/**
 * The slopes at the sum before the middle's ReLU, and at h. The other adapters' columns of h are zeros.
 * Parameters: the first row, the row after the last, columns of h, the first column of h, strength.
 */
export function slopesKernel(width: number): KernelSource {
  const groupRows = rowsOfGroup(width)
  return {
    key: `adapt gradient by ${width}`,
    code: () =>
      wgslModule({
        params: ["begin", "rows", "joined", "origin", "strength: f32"],
        reads: { dMiddle: "f32", middle: "f32", h: "f32", midDown: "f32" },
        writes: { dSum: "f32", dh: "f32" },
        threads: THREADS,
        declarations: `var<workgroup> tile: array<f32, ${groupRows * width}>;`,
        main: `let top = p.begin + group * ${groupRows}u;
for (var e = local; e < ${groupRows * width}u; e += ${THREADS}u) {
  var slope = 0.0;
  if (top + e / ${width}u < p.rows) {
    let at = top * ${width}u + e;
    if (middle[at] != 0.0) { slope = p.strength * dMiddle[at]; }
    dSum[at] = slope;
  }
  tile[e] = slope;
}
workgroupBarrier();
for (var e = local; e < ${groupRows}u * p.joined; e += ${THREADS}u) {
  let row = e / p.joined;
  let column = e % p.joined;
  if (top + row >= p.rows) { return; }
  let at = top * p.joined + e;
  var slope = 0.0;
  if (column >= p.origin && column < p.origin + ${width}u && h[at] > 0.0) {
    for (var j = 0u; j < ${width}u; j++) { slope += tile[row * ${width}u + j] * midDown[(column - p.origin) * ${width}u + j]; }
  }
  dh[at] = slope;
}`,
      }),
  }
}
