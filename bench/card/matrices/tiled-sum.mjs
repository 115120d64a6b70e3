import { each, fragmentsHead } from "./fragments.mjs"

/** A tile: subgroups down and across, fragments of each, and fragments of the sum that shared memory holds at a time. */
export const tileName = ({ subgroups, fragments, depth }) =>
  `${subgroups.join("×")} subgroups of ${fragments.join("×")} fragments, depth ${depth}`

/** Rows and columns of y that a workgroup makes. */
export const tileSides = ({ M, N }, { subgroups, fragments }) => [
  subgroups[0] * fragments[0] * M,
  subgroups[1] * fragments[1] * N,
]

/**
 * WGSL of y[row, column] = Σ over taps and channels of x · w[column, tap, channel] + bias[column]. A `reader` chooses the
 * x of a row at a tap. w is float16. `activations` is the type of x and y: float16 or float32. x becomes float16 when it
 * is loaded into shared memory. Sums are f32 or f16. The channels are a multiple of 8, the columns of 4.
 *
 * `ahead` loads the next parts of x and w into registers while the present ones are multiplied.
 *
 * The 32-bit words of the uniform are: rows, columns, channels, taps, steps (taps × parts of the channels, rounded up),
 * and those that the reader names.
 */
export function tiledSum({ config, lanes, tile, ahead, sums, activations }, reader) {
  const { M, N, K } = config
  const { subgroups, fragments, depth } = tile
  const [down, across] = fragments
  const [rows, columns] = tileSides(config, tile)
  const threads = lanes * subgroups[0] * subgroups[1]
  // Shared memory holds eight float16 an element. One element more than a row has keeps rows in different banks.
  const eights = (depth * K) / 8
  const stride = eights + 1
  const lines = threads / eights
  const [xLoads, wLoads] = [rows / lines, columns / lines]
  if (![lines, xLoads, wLoads].every(Number.isInteger)) {
    throw new Error(`${tileName(tile)}: ${threads} invocations do not load ${rows} and ${columns} rows evenly`)
  }
  const sumStride = sums === "f32" ? (N + 4) / 4 : (N + 8) / 8
  const shared = Math.max((rows + columns) * stride, subgroups[0] * subgroups[1] * M * sumStride)
  const [xType, yType] = activations === "f16" ? ["vec4u", "vec2u"] : ["vec4f", "vec4f"]

  const fetch = `${each(
    xLoads,
    (i) => `    x${i} = vec4u();
    if (seen${i} && channel + own < p.channels) { x${i} = eight_of_x(from${i} + channel + own); }`,
  )}
${each(
  wLoads,
  (i) => `    w${i} = vec4u();
    if (first_column + line + ${i * lines}u < p.columns && channel + own < p.channels) {
      w${i} = w[(((first_column + line + ${i * lines}u) * p.taps + tap) * p.channels + channel + own) / 8u];
    }`,
)}`
  const put = `${each(xLoads, (i) => `    pool[(line + ${i * lines}u) * ${stride}u + part] = x${i};`)}
${each(wLoads, (i) => `    pool[(${rows}u + line + ${i * lines}u) * ${stride}u + part] = w${i};`)}`
  const multiply = each(
    depth,
    (d) => `    {
${each(down, (i) => `      let left${i} = subgroupMatrixLoad<Left, row_major>(&pool, (own_row + ${i * M}u) * ${stride}u + ${(d * K) / 8}u, ${stride}u);`)}
${each(
  across,
  (
    j,
  ) => `      let right${j} = subgroupMatrixLoad<Right, col_major>(&pool, (${rows}u + own_column + ${j * N}u) * ${stride}u + ${(d * K) / 8}u, ${stride}u);
${each(down, (i) => `      sum${i}_${j} = subgroupMatrixMultiplyAccumulate(left${i}, right${j}, sum${i}_${j});`)}`,
)}
    }`,
  )
  const four =
    sums === "f32"
      ? `bitcast<vec4f>(pool[scratch + e / ${N / 4}u * ${sumStride}u + e % ${N / 4}u])`
      : `four_halves(pool[scratch + e / ${N / 4}u * ${sumStride}u + e % ${N / 4}u / 2u], e % 2u)`
  const result = activations === "f16" ? "vec2u(pack2x16float(v.xy), pack2x16float(v.zw))" : "v"

  const code = `${fragmentsHead(config, sums)}
struct Params { rows: u32, columns: u32, channels: u32, taps: u32, steps: u32, ${reader.params.map((name) => `${name}: u32, `).join("")} }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<${xType}>;
@group(0) @binding(2) var<storage, read> w: array<vec4u>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<${yType}>;
var<workgroup> pool: array<vec4u, ${shared}>;

fn eight_of_x(at: u32) -> vec4u {
${
  activations === "f16"
    ? "  return x[at / 8u];"
    : `  let a = x[at / 4u];
  let b = x[at / 4u + 1u];
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));`
}
}
fn four_halves(eight: vec4u, half: u32) -> vec4f {
  let two = select(eight.xy, eight.zw, half == 1u);
  return vec4f(unpack2x16float(two.x), unpack2x16float(two.y));
}

@compute @workgroup_size(${threads})
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let first_row = group.y * ${rows}u;
  let first_column = group.x * ${columns}u;
  let own_row = subgroup / ${subgroups[1]}u * ${down * M}u;
  let own_column = subgroup % ${subgroups[1]}u * ${across * N}u;
  let part = local % ${eights}u;
  let line = local / ${eights}u;
  let own = part * 8u;
  var tap = 0u;
  var channel = 0u;
${each(
  xLoads,
  (i) => `  let row${i} = first_row + line + ${i * lines}u;
${reader.row(i)}
  var x${i} = vec4u();
  var seen${i} = false;
  var from${i} = 0u;
${reader.tap(i)}`,
)}
${each(wLoads, (i) => `  var w${i} = vec4u();`)}
${each(down, (i) => each(across, (j) => `  var sum${i}_${j} = Sum();`))}
${ahead ? fetch : ""}
  for (var step = 0u; step < p.steps; step++) {
${ahead ? "" : fetch}
${put}
    workgroupBarrier();
    channel += ${8 * eights}u;
    if (channel >= p.channels) {
      channel = 0u;
      tap++;
${each(xLoads, reader.tap)}
    }
${ahead ? `    if (step + 1u < p.steps) {\n${fetch}\n    }` : ""}
${multiply}
    workgroupBarrier();
  }
  // The elements of a fragment are not accessible. Each goes through shared memory to get its bias and its place in y.
  let scratch = subgroup * ${M * sumStride}u;
${each(down, (i) =>
  each(
    across,
    (j) => `  subgroupMatrixStore<row_major>(&pool, scratch, sum${i}_${j}, ${sumStride}u);
  workgroupBarrier();
  for (var e = lane; e < ${(M * N) / 4}u; e += ${lanes}u) {
    let row = first_row + own_row + ${i * M}u + e / ${N / 4}u;
    let column = first_column + own_column + ${j * N}u + e % ${N / 4}u * 4u;
    if (row < p.rows && column < p.columns) {
      let v = ${four} + bias[column / 4u];
      y[(row * p.columns + column) / 4u] = ${result};
    }
  }
  workgroupBarrier();`,
  ),
)}
}`
  return { code, threads, sharedBytes: 16 * shared, step: 8 * eights }
}
