import type { WeightRows } from "../weights/load.ts"
import { decodingOf } from "../weights/storage.ts"
import { byNumber, GATED_ORDER } from "./epilogue.ts"
import type { Factor } from "./factor.ts"

/** The number of edges of the left or of the right factor. */
type EdgeCount = "p.m" | "p.n"

/** A float32 matrix whose rows are the edge. x: [edge, k] */
export function rowsOf(name: string, k: number): Factor {
  const four = k % 4 === 0
  return {
    ...{
      key: `rows${four ? "" : " by one"}`,
      reads: { [name]: four ? "vec4f" : "f32" },
      params: [],
      along: "inner",
      four,
    },
    body: `return load_${name}((edge * p.k + inner)${four ? " / 4u" : ""});`,
  }
}

/** The matrix of product number `z`, of float32 matrices that follow each other. x: [z, edge, k] */
export function stackedRowsOf(name: string, k: number, count: EdgeCount): Factor {
  const rows = rowsOf(name, k)
  return {
    ...rows,
    key: `stacked ${rows.key}`,
    body: `return load_${name}(((z * ${count} + edge) * p.k + inner)${rows.four ? " / 4u" : ""});`,
  }
}

/**
 * Float32 matrices that follow each other, side by side as one. x: [k / each, edge, each]
 *
 * @param param the name of a parameter: each
 */
export function joinedRowsOf(name: string, each: number, count: EdgeCount, param: string): Factor {
  const rows = rowsOf(name, each)
  const at = `(inner / p.${param} * ${count} + edge) * p.${param} + inner % p.${param}`
  return {
    ...rows,
    ...{ key: `joined ${rows.key}`, params: [param] },
    body: `return load_${name}((${at})${rows.four ? " / 4u" : ""});`,
  }
}

/** Names of the parameters of a place: its first element for product 0, and the elements between two products. */
const PLACE = ["origin", "each"] as const

/** A matrix of each product in a tensor of more values. Its rows are the edge. Parameters: see `PLACE`. */
export function placedRowsOf(name: string, four: boolean): Factor {
  return {
    ...{ key: `placed rows${four ? "" : " by one"}`, reads: { [name]: four ? "vec4f" : "f32" }, params: PLACE },
    ...{ along: "inner", four },
    body: `return load_${name}((p.origin + z * p.each + edge * p.k + inner)${four ? " / 4u" : ""});`,
  }
}

/** As `placedRowsOf`, with columns as the edge. The right factor. */
export function placedColumnsOf(name: string, four: boolean): Factor {
  return {
    ...{ key: `placed columns${four ? "" : " by one"}`, reads: { [name]: four ? "vec4f" : "f32" }, params: PLACE },
    ...{ along: "edge", four },
    body: `return load_${name}((p.origin + z * p.each + inner * p.n + edge)${four ? " / 4u" : ""});`,
  }
}

/** Matrices in a tensor of more values, side by side as one. Parameters: see `PLACE`, and the width of one. */
export function joinedPlacedRowsOf(name: string, four: boolean): Factor {
  const at = "p.origin + inner / p.width * p.each + edge * p.width + inner % p.width"
  return {
    ...{ key: `joined placed rows${four ? "" : " by one"}`, reads: { [name]: four ? "vec4f" : "f32" } },
    ...{ params: [...PLACE, "width"], along: "inner", four },
    body: `return load_${name}((${at})${four ? " / 4u" : ""});`,
  }
}

/**
 * Columns of the left factor, and after them one column of constants. So a sum over rows that are not scaled is one more
 * row of the product. x: [k, edges], or with `stacked` [z, k, edges]; parameter: edges
 *
 * @param constant WGSL of the constant in row `inner`
 * @param params names of the parameters that it reads
 */
export function columnsAndOnes(
  name: string,
  edges: number,
  {
    stacked,
    constant,
    params = [],
  }: { readonly stacked: boolean; readonly constant: string; readonly params?: readonly string[] },
): Factor {
  const four = edges % 4 === 0
  const row = stacked ? "(z * p.k + inner)" : "inner"
  return {
    ...{ key: `${stacked ? "stacked " : ""}columns and ${constant}${four ? "" : " by one"}` },
    ...{ reads: { [name]: four ? "vec4f" : "f32" }, params: ["edges", ...params], along: "edge", four },
    body: `if (edge >= p.edges) { return ${four ? `vec4f(${constant}, 0.0, 0.0, 0.0)` : constant}; }
return load_${name}((${row} * p.edges + edge)${four ? " / 4u" : ""});`,
  }
}

/**
 * One of several factors that differ in nothing but their buffers' names.
 *
 * @param number WGSL of the factor's number
 * @param inner WGSL of the index of the sum that the factor gets
 */
export function oneOf(number: string, factors: readonly [Factor, ...Factor[]], inner = "inner"): Factor {
  const [first] = factors
  const own = inner === "inner" ? "" : `let inner = ${inner};\n`
  return {
    ...first,
    key: `${factors.length} × ${first.key}`,
    reads: Object.assign({}, ...factors.map(({ reads }) => reads)),
    body: byNumber(
      number,
      factors.map(({ body }) => own + body),
    ),
  }
}

/** A float32 matrix whose columns are the edge. x: [k, edges] */
export function columnsOf(name: string, edges: number, count: EdgeCount): Factor {
  const four = edges % 4 === 0
  return {
    key: `columns${four ? "" : " by one"}`,
    ...{ reads: { [name]: four ? "vec4f" : "f32" }, params: [], along: "edge", four },
    body: `return load_${name}((inner * ${count} + edge)${four ? " / 4u" : ""});`,
  }
}

/** The matrix of product number `z`, of float32 matrices that follow each other. x: [z, k, edges] */
export function stackedColumnsOf(name: string, edges: number, count: EdgeCount): Factor {
  const columns = columnsOf(name, edges, count)
  return {
    ...columns,
    key: `stacked ${columns.key}`,
    body: `return load_${name}(((z * p.k + inner) * ${count} + edge)${columns.four ? " / 4u" : ""});`,
  }
}

/** Rows of weights, for a forward pass. weight: [edge, k]. `mark` tells its buffers from those of other weights. */
export function weightRows({ format, rounds }: Pick<WeightRows, "format" | "rounds">, k: number, mark = ""): Factor {
  const four = k % 4 === 0
  const { element, value } = decodingOf(format, four)
  const [weight, scales] = [`weight${mark}`, `scales${mark}`]
  const scaled = format === "Q8"
  return {
    key: `${format} weight${four ? "" : " by one"}`,
    reads: scaled ? { [weight]: element, [scales]: "f32" } : { [weight]: element },
    ...{ params: [], along: "inner", four, half: format === "F16", rounds },
    body: `return ${value(weight, "edge * p.k + inner")}${scaled ? ` * ${scales}[edge]` : ""};`,
  }
}

/** Rows in the order of a product that ends in GEGLU. */
export function gatedRows(rows: Factor): Factor {
  return { ...rows, key: `gated ${rows.key}`, body: `{\nlet edge = ${GATED_ORDER};\n${rows.body}\n}` }
}

/**
 * Rows of weights, for a gradient. k runs over the taps of a kernel and, within a tap, over the rows. The edge runs
 * over the channels of a tap. weight: [outs, taps · channels]; parameters: outs, the width of a row. `mark` tells its
 * buffers from those of other weights.
 */
export function weightTaps(
  { format, rounds }: Pick<WeightRows, "format" | "rounds">,
  channels: number,
  mark = "",
): Factor {
  const four = channels % 4 === 0
  const { element, value } = decodingOf(format, four)
  const [weight, scales] = [`weight${mark}`, `scales${mark}`]
  const scaled = format === "Q8"
  return {
    key: `${format} weight's taps${four ? "" : " by one"}`,
    reads: scaled ? { [weight]: element, [scales]: "f32" } : { [weight]: element },
    ...{ params: ["outs", "width"], along: "edge", four, half: format === "F16", rounds },
    body: `let out = inner % p.outs;
let e = out * p.width + inner / p.outs * p.n + edge;
return ${value(weight, "e")}${scaled ? ` * ${scales}[out]` : ""};`,
  }
}

/** The names of a convolution's sizes as parameters, in the order of `sizeParams`. */
const SIZES = ["height", "widthIn", "channels", "heightOut", "widthOut", "kernelWidth", "stride", "top", "left"]

/**
 * The values in a window of a convolution, as rows. k runs over the kernel's taps and, within a tap, over the channels.
 */
export function patchesOf(channels: number): Factor {
  const four = channels % 4 === 0
  return {
    key: `patches${four ? "" : " by one"}`,
    ...{ reads: { x: four ? "vec4f" : "f32" }, params: SIZES, along: "inner", four },
    // The window's first row and column, and the first row of its sample.
    place: `let row = i32(edge / p.widthOut % p.heightOut * p.stride) - i32(p.top);
let column = i32(edge % p.widthOut * p.stride) - i32(p.left);
return vec4i(row, column, i32(edge / (p.widthOut * p.heightOut) * p.height), 0);`,
    body: `let tap = inner / p.channels;
let row = place.x + i32(tap / p.kernelWidth);
let column = place.y + i32(tap % p.kernelWidth);
if (row < 0 || row >= i32(p.height) || column < 0 || column >= i32(p.widthIn)) { return ${four ? "vec4f()" : "0.0"}; }
let pixel = u32(place.z + row) * p.widthIn + u32(column);
return load_x((pixel * p.channels + inner % p.channels)${four ? " / 4u" : ""});`,
  }
}

/**
 * The slopes of the outputs that read a pixel, as rows. k runs over the taps that read it and, within a tap, over the
 * outputs' channels. The parameter `channels` is their number.
 */
export function seenBy(channels: number): Factor {
  const four = channels % 4 === 0
  const zero = four ? "vec4f()" : "0.0"
  return {
    key: `seen by${four ? "" : " by one"}`,
    ...{ reads: { x: four ? "vec4f" : "f32" }, params: SIZES, along: "inner", four },
    // The pixel's row and column beside the first window's, and the first row of its sample.
    place: `let row = i32(edge / p.widthIn % p.height + p.top);
let column = i32(edge % p.widthIn + p.left);
return vec4i(row, column, i32(edge / (p.widthIn * p.height) * p.heightOut), 0);`,
    body: `let tap = inner / p.channels;
let row = place.x - i32(tap / p.kernelWidth);
let column = place.y - i32(tap % p.kernelWidth);
let stride = i32(p.stride);
if (row < 0 || column < 0 || row % stride != 0 || column % stride != 0) { return ${zero}; }
if (row / stride >= i32(p.heightOut) || column / stride >= i32(p.widthOut)) { return ${zero}; }
let pixel = u32(place.z + row / stride) * p.widthOut + u32(column / stride);
return load_x((pixel * p.channels + inner % p.channels)${four ? " / 4u" : ""});`,
  }
}
