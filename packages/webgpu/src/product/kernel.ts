import type { KernelSource } from "../device/commands.ts"
import { type Element, unrolled, wgslModule } from "../wgsl/module.ts"
import { type Tile, threadsOf } from "./tiles.ts"

/**
 * One factor of a product as a kernel reads it. It is a matrix that may not exist in memory. `edge` is the index along
 * the side that the result also has. `inner` is the index of the sum.
 */
export interface Factor {
  /** The name of the factor's code. */
  readonly key: string
  readonly reads: Readonly<Record<string, Element>>
  /** Names of its parameters, which are different from those of all other factors. */
  readonly params: readonly string[]
  /** The side along which values are adjacent in memory. */
  readonly along: "edge" | "inner"
  /**
   * WGSL statements that return the value at (edge, inner), both in range. With `four`, they return the four values
   * from there on. The side `along` is then a multiple of four.
   */
  readonly body: string
  readonly four: boolean
  /** Whether every value is a float16. */
  readonly half?: boolean
}

export interface ProductOptions {
  /** [M, K] */
  readonly left: Factor
  /** [N, K] */
  readonly right: Factor
  /** Added to every row. */
  readonly bias: boolean
  /** Whether a matrix of the result's shape is added. */
  readonly plus: boolean
  /** Whether N is a multiple of four. Results are then written by four. */
  readonly four: boolean
  readonly tile: Tile
  /** Whether float16 values stay in 16 bits in shared memory. */
  readonly half: boolean
}

/**
 * result[m, n] = Σ left[m, k] right[n, k] (+ bias[n]) (+ plus[m, n]), tile by tile in shared memory. Every loaded value is used tileM
 * or tileN times. Parameters: m, n, k, `span`, then those of the factors. A workgroup sums over `span` values of k. If
 * `span` is less than k, partial results are one after another, and a later pass adds them up.
 */
export function productKernel({ left, right, bias, plus, four, tile, half }: ProductOptions): KernelSource {
  const { tileM, tileN, tileK, m, n } = tile
  const threads = threadsOf(tile)
  const across = tileN / n
  const isHalf = half && right.half === true
  const shape = `${tileM}×${tileN}×${tileK} by ${m}×${n}`
  return {
    key: `product ${left.key} · ${right.key}${bias ? " + bias" : ""}${plus ? " + matrix" : ""}${four ? "" : ", by one"}, ${shape}${isHalf ? ", 16 bits" : ""}`,
    code: () =>
      wgslModule({
        enable: isHalf ? ["f16"] : [],
        params: ["m", "n", "k", "span", ...left.params, ...right.params],
        reads: {
          ...{ ...left.reads, ...right.reads },
          ...(bias ? { bias: "f32" as const } : {}),
          ...(plus ? { plus: four ? ("vec4f" as const) : ("f32" as const) } : {}),
        },
        writes: { result: four ? "vec4f" : "f32" },
        threads,
        declarations: [
          `var<workgroup> leftTile: array<f32, ${tileK * (tileM + 1)}>;`,
          `var<workgroup> rightTile: array<${isHalf ? "f16" : "f32"}, ${tileK * (tileN + 1)}>;`,
          readFunction("left", left, "p.m"),
          readFunction("right", right, "p.n"),
        ].join("\n"),
        main: `
let tilesM = (p.m + ${tileM - 1}u) / ${tileM}u;
let tilesN = (p.n + ${tileN - 1}u) / ${tileN}u;
let part = group / (tilesM * tilesN);
let first = part * p.span;
if (first >= p.k) { return; }
let end = min(first + p.span, p.k);
let m0 = group / tilesN % tilesM * ${tileM}u;
let n0 = group % tilesN * ${tileN}u;
let tm = local / ${across}u * ${m}u;
let tn = local % ${across}u * ${n}u;
${unrolled(m, (i) => unrolled(n / 4, (j) => `var sum${i}_${j} = vec4f();`))}
for (var k0 = first; k0 < end; k0 += ${tileK}u) {
${loadTile("left", left, tileM, tileK, threads, "f32")}
${loadTile("right", right, tileN, tileK, threads, isHalf ? "f16" : "f32")}
  workgroupBarrier();
  for (var k = 0u; k < ${tileK}u; k++) {
    let a = k * ${tileM + 1}u + tm;
    let b = k * ${tileN + 1}u + tn;
${unrolled(n / 4, (j) => `    let b${j} = ${fourOf(isHalf, (c) => `rightTile[b + ${4 * j + c}u]`)};`)}
${unrolled(m, (i) => {
  const products = unrolled(n / 4, (j) => `    sum${i}_${j} += a${i} * b${j};`)
  return `    let a${i} = leftTile[a + ${i}u];\n${products}`
})}
  }
  workgroupBarrier();
}
let at = part * p.m * p.n;
${unrolled(m, (i) => unrolled(n / 4, (j) => writeFour(i, j, { bias, plus, four })))}`,
      }),
  }
}

/** Four values of shared memory as float32. */
function fourOf(isHalf: boolean, value: (c: number) => string): string {
  const values = [0, 1, 2, 3].map(value).join(", ")
  return isHalf ? `vec4f(vec4h(${values}))` : `vec4f(${values})`
}

/** Zeros outside, for every factor. */
function readFunction(name: string, { body, four, along }: Factor, edges: string): string {
  if (four) {
    return `fn ${name}Four(edge: u32, inner: u32) -> vec4f {
  if (edge >= ${edges} || inner >= p.k) { return vec4f(); }
${body}
}`
  }
  const at = (c: number): string =>
    along === "edge" ? `${name}One(edge + ${c}u, inner)` : `${name}One(edge, inner + ${c}u)`
  return `fn ${name}One(edge: u32, inner: u32) -> f32 {
  if (edge >= ${edges} || inner >= p.k) { return 0.0; }
${body}
}
fn ${name}Four(edge: u32, inner: u32) -> vec4f { return vec4f(${[0, 1, 2, 3].map(at).join(", ")}); }`
}

/** Every invocation loads runs of four, and adjacent invocations load adjacent runs. */
function loadTile(
  name: "left" | "right",
  { along }: Factor,
  edges: number,
  tileK: number,
  threads: number,
  type: "f32" | "f16",
): string {
  const runs = (edges * tileK) / 4
  const perRow = (along === "inner" ? tileK : edges) / 4
  const origin = name === "left" ? "m0" : "n0"
  const stride = edges + 1
  return `  for (var run = local; run < ${runs}u; run += ${threads}u) {
    let short = run % ${perRow}u * 4u;
    let long = run / ${perRow}u;
${
  along === "inner"
    ? `    let v = ${name}Four(${origin} + long, k0 + short);
    let at = short * ${stride}u + long;
${unrolled(4, (c) => `    ${name}Tile[at + ${c * stride}u] = ${type}(v[${c}]);`)}`
    : `    let v = ${name}Four(${origin} + short, k0 + long);
    let at = long * ${stride}u + short;
${unrolled(4, (c) => `    ${name}Tile[at + ${c}u] = ${type}(v[${c}]);`)}`
}
  }`
}

function writeFour(i: number, j: number, { bias, plus, four }: Pick<ProductOptions, "bias" | "plus" | "four">): string {
  const column = `n0 + tn + ${4 * j}u`
  const row = `m0 + tm + ${i}u`
  if (four) {
    const four = [0, 1, 2, 3].map((c) => `bias[${column} + ${c}u]`).join(", ")
    return `if (${row} < p.m && ${column} < p.n) {
  let to = (at + (${row}) * p.n + ${column}) / 4u;
  result[to] = sum${i}_${j}${bias ? ` + vec4f(${four})` : ""}${plus ? " + plus[to]" : ""};
}`
  }
  return unrolled(
    4,
    (c) => `if (${row} < p.m && ${column} + ${c}u < p.n) {
  let to = at + (${row}) * p.n + ${column} + ${c}u;
  result[to] = sum${i}_${j}[${c}]${bias ? ` + bias[${column} + ${c}u]` : ""}${plus ? " + plus[to]" : ""};
}`,
  )
}
