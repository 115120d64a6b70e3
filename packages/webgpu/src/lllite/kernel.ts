import type { KernelSource } from "../device/commands.ts"
import { byNumber } from "../product/epilogue.ts"
import { type Element, unrolled, wgslModule } from "../wgsl/module.ts"

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

/** Where a kernel reads its layers. */
export interface LayerSource {
  /** Part of the kernel's name. */
  readonly key: string
  /** Names of parameters. */
  readonly params: readonly string[]
  /** Adapters of one dispatch, which have a result each. */
  readonly adapters: number
  /** WGSL of the first value in h of adapter z's row. Values follow each other. */
  readonly h: (row: string) => string
  /** Buffers of the layers that a forward pass reads. */
  readonly reads: (element: Element) => Readonly<Record<string, Element>>
  /** The buffer with `midDown`, where a gradient reads it. */
  readonly midDownBuffer: string
  /** WGSL of the value with this index in adapter z's layer. `up` and `bias` count in elements. */
  readonly midDown: (index: string, element: Element) => string
  readonly up: (index: string, element: Element) => string
  readonly bias: (index: string, element: Element) => string
}

/** One adapter, whose layers are tensors. Its `down` is columns of h. Parameters: columns of h, the first one. */
export const APART: LayerSource = {
  ...{ key: "", params: ["joined", "origin"], adapters: 1, midDownBuffer: "midDown" },
  h: (row) => `${row} * p.joined + p.origin`,
  reads: (element) => ({ midDown: "f32", up: element, bias: element }),
  midDown: (index) => `midDown[${index}]`,
  up: (index) => `up[${index}]`,
  bias: (index) => `bias[${index}]`,
}

/**
 * Adapters whose values are one tensor. Each has a matrix in h. Parameters: all rows, values of an adapter, where
 * `midDown`, `up` and the bias of `up` begin.
 */
export function grouped(adapters: number, width: number): LayerSource {
  const by = (element: Element): string => (element === "f32" ? "" : " / 4u")
  return {
    ...{ key: `${adapters} times `, params: ["allRows", "each", "midDownAt", "upAt", "biasAt"], adapters },
    ...{ midDownBuffer: "values" },
    h: (row) => `(z * p.allRows + ${row}) * ${width}u`,
    reads: (element) => ({ values: element }),
    midDown: (index, element) => {
      const at = `z * p.each + p.midDownAt + ${index}`
      return element === "f32" ? `values[${at}]` : `values[(${at}) / 4u][(${at}) % 4u]`
    },
    up: (index, element) => `values[(z * p.each + p.upAt)${by(element)} + ${index}]`,
    bias: (index, element) => `values[(z * p.each + p.biasAt)${by(element)} + ${index}]`,
  }
}

/** WGSL that ends surplus groups, and makes `z` and `tile` of the others. */
function placeOf({ adapters }: LayerSource, groupRows: number, parts: string): string {
  return `let tiles = (p.rows - p.begin + ${groupRows - 1}u) / ${groupRows}u;
let z = group / (tiles * ${parts});
if (z >= ${adapters}u) { return; }
let top = p.begin + group % tiles * ${groupRows}u;`
}

/**
 * result = x + up(middle) + strength · bias, with middle = strength · relu(share + midDown(relu(h))). The middle is
 * kept for the slopes.
 * Parameters: first row, row after the last, rows of the share, columns, columns of a part, strength, those of the source.
 */
export function adaptKernel(width: number, four: boolean, source: LayerSource): KernelSource {
  const groupRows = rowsOfGroup(width)
  const each = groupRows / DOWN
  const element = four ? "vec4f" : "f32"
  const results = Array.from({ length: source.adapters }, (_, i) => `result${i}`)
  const stores = results.map((result) => `store_${result}(at, value);`)
  return {
    key: `adapt ${source.key}by ${width}, ${four ? "by four" : "by one"}`,
    code: (storages) =>
      wgslModule(
        {
          params: ["begin", "rows", "sharedRows", "columns", "span", "strength: f32", ...source.params],
          reads: { x: element, h: "f32", share: "f32", ...source.reads(element) },
          writes: { ...Object.fromEntries(results.map((result) => [result, element])), middle: "f32" },
          threads: THREADS,
          declarations: `var<workgroup> tile: array<f32, ${groupRows * width}>;
fn store(z: u32, at: u32, value: ${element}) {\n${byNumber("z", stores)}\n}`,
          main: `let parts = (p.columns + p.span - 1u) / p.span;
${placeOf(source, groupRows, "parts")}
let first = group / tiles % parts * p.span;
for (var e = local; e < ${groupRows * width}u; e += ${THREADS}u) {
  let row = top + e / ${width}u;
  let j = e % ${width}u;
  var sum = 0.0;
  if (row < p.rows) {
    let at = ${source.h("row")};
    sum = share[(z * p.sharedRows + row % p.sharedRows) * ${width}u + j];
    for (var i = 0u; i < ${width}u; i++) {
      let place = i * ${width}u + j;
      sum += max(h[at + i], 0.0) * ${source.midDown("place", element)};
    }
    sum = p.strength * max(sum, 0.0);
    if (first == 0u) { middle[${middleAt(source, width, "row")} + j] = sum; }
  }
  tile[e] = sum;
}
workgroupBarrier();
let down = local / ${ACROSS}u;
let end = min(first + p.span, p.columns);
for (var c = first + local % ${ACROSS}u; c < end; c += ${ACROSS}u) {
${unrolled(each, (i) => `  var sum${i} = p.strength * ${source.bias("c", element)};`)}
  for (var j = 0u; j < ${width}u; j++) {
    let u = ${source.up("j * p.columns + c", element)};
${unrolled(each, (i) => `    sum${i} += tile[(down + ${DOWN * i}u) * ${width}u + j] * u;`)}
  }
${unrolled(
  each,
  (i) => `  let row${i} = top + down + ${DOWN * i}u;
  if (row${i} < p.rows) { store(z, row${i} * p.columns + c, load_x(row${i} * p.columns + c) + sum${i}); }`,
)}
}`,
        },
        storages,
      ),
  }
}

/** WGSL of the first value of adapter z's row in the middle and in the slopes there. */
function middleAt(source: LayerSource, width: number, row: string): string {
  return source === APART ? `${row} * ${width}u` : `(z * p.allRows + ${row}) * ${width}u`
}

/**
 * The slopes at the sum before the middle's ReLU, and at h. Where h has columns of other adapters, these are zeros.
 * Parameters: first row, row after the last, strength, those of the source.
 */
export function slopesKernel(width: number, source: LayerSource): KernelSource {
  const groupRows = rowsOfGroup(width)
  const isApart = source === APART
  return {
    key: `adapt gradient ${source.key}by ${width}`,
    code: (storages) =>
      wgslModule(
        {
          params: ["begin", "rows", "strength: f32", ...source.params],
          reads: { dMiddle: "f32", middle: "f32", h: "f32", [source.midDownBuffer]: "f32" },
          writes: { dSum: "f32", dh: "f32" },
          threads: THREADS,
          declarations: `var<workgroup> tile: array<f32, ${groupRows * width}>;`,
          main: `${placeOf(source, groupRows, "1u")}
for (var e = local; e < ${groupRows * width}u; e += ${THREADS}u) {
  var slope = 0.0;
  if (top + e / ${width}u < p.rows) {
    let at = ${middleAt(source, width, "top")} + e;
    if (middle[at] != 0.0) { slope = p.strength * dMiddle[at]; }
    dSum[at] = slope;
  }
  tile[e] = slope;
}
workgroupBarrier();
let across = ${isApart ? "p.joined" : `${width}u`};
for (var e = local; e < ${groupRows}u * across; e += ${THREADS}u) {
  let row = e / across;
  if (top + row >= p.rows) { return; }
  let at = ${isApart ? "top * p.joined + e" : `${source.h("top")} + e`};
  let column = ${isApart ? "e % across - p.origin" : "e % across"};
  var slope = 0.0;
  // A column before the first one is a large number, too.
  if (column < ${width}u && h[at] > 0.0) {
    for (var j = 0u; j < ${width}u; j++) {
      let place = column * ${width}u + j;
      slope += tile[row * ${width}u + j] * ${source.midDown("place", "f32")};
    }
  }
  dh[at] = slope;
}`,
        },
        storages,
      ),
  }
}
