import type { KernelSource } from "../device/commands.ts"
import { type Element, unrolled, wgslModule } from "../wgsl/module.ts"
import type { Epilogue } from "./epilogue.ts"
import { rowOf, type Tile, threadsOf } from "./tiles.ts"

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
   * WGSL statements that return what all values of an edge need, as a vec4i: the `place` of `body`. They run once for
   * every edge of an invocation, before the sum. Only factors along `inner` have it.
   */
  readonly place?: string
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
  readonly epilogue: Epilogue
  readonly tile: Tile
  /** Whether float16 values stay in 16 bits in shared memory. */
  readonly half: boolean
  /** Products of one size that are computed side by side. Factors and epilogue read the product's number `z`. */
  readonly count: number
}

/**
 * Σ left[m, k] right[n, k] for every m and n, tile by tile in shared memory, then the epilogue. Every loaded value is
 * used tileM or tileN times. Shared memory is read and written by four: an invocation loads blocks of four edges by
 * four values of k, and its results are blocks of 4 × 4, which lie apart, so that neighbours read adjacent values.
 *
 * Parameters: m, n, k, `span`, then those of the factors and of the epilogue. A workgroup sums over `span` values of k. If `span` is less
 * than k, partial results are one after another, and a later pass adds them up.
 */
export function productKernel({ left, right, epilogue, tile, half, count }: ProductOptions): KernelSource {
  const { tileM, tileN, tileK, m, n } = tile
  const threads = threadsOf(tile)
  const across = tileN / n
  const isHalf = half && right.half === true
  const shape = `${tileM}×${tileN}×${tileK} by ${m}×${n}`
  const sides = [
    { name: "left", factor: left, edges: tileM, origin: "m0", first: 0, isHalf: false },
    // Invocations that load no block of the left tile load one of the right.
    { name: "right", factor: right, edges: tileN, origin: "n0", first: blocksOf(tileM, tileK) % threads, isHalf },
  ] as const
  return {
    key: `product ${count === 1 ? "" : `${count} times `}${left.key} · ${right.key}${epilogue.key}, ${shape}${isHalf ? ", 16 bits" : ""}`,
    code: () =>
      wgslModule({
        enable: isHalf ? ["f16"] : [],
        params: ["m", "n", "k", "span", ...left.params, ...right.params, ...epilogue.params],
        reads: { ...left.reads, ...right.reads, ...epilogue.reads },
        writes: epilogue.writes,
        threads,
        declarations: [
          "/** The number of the product. */\nvar<private> z: u32;",
          `var<workgroup> leftTile: array<vec4f, ${tileK * rowOf(tileM)}>;`,
          `var<workgroup> rightTile: array<${isHalf ? "vec4h" : "vec4f"}, ${tileK * rowOf(tileN)}>;`,
          readFunction("left", left, "p.m"),
          readFunction("right", right, "p.n"),
          epilogue.declarations,
        ].join("\n"),
        main: `
let tilesM = (p.m + ${tileM - 1}u) / ${tileM}u;
let tilesN = (p.n + ${tileN - 1}u) / ${tileN}u;
let part = group / (tilesM * tilesN * ${count}u);
let first = part * p.span;
if (first >= p.k) { return; }
z = group / (tilesM * tilesN) % ${count}u;
let end = min(first + p.span, p.k);
let m0 = group / tilesN % tilesM * ${tileM}u;
let n0 = group % tilesN * ${tileN}u;
// Counted in fours.
let tm = local / ${across}u;
let tn = local % ${across}u;
${sides.map((side) => placesOf(side, tileK, threads)).join("\n")}
${unrolled(m, (i) => unrolled(n / 4, (j) => `var sum${i}_${j} = vec4f();`))}
for (var k0 = first; k0 < end; k0 += ${tileK}u) {
${sides.map((side) => loadTile(side, tileK, threads)).join("\n")}
  workgroupBarrier();
  for (var k = 0u; k < ${tileK}u; k++) {
${unrolled(m / 4, (i) => `    let a${i} = leftTile[k * ${rowOf(tileM)}u + tm + ${(i * tileM) / m}u];`)}
${unrolled(n / 4, (j) => `    let b${j} = vec4f(rightTile[k * ${rowOf(tileN)}u + tn + ${j * across}u]);`)}
${unrolled(m, (i) => unrolled(n / 4, (j) => `    sum${i}_${j} += a${Math.floor(i / 4)}[${i % 4}] * b${j};`))}
  }
  workgroupBarrier();
}
let at = (part * ${count}u + z) * p.m * p.n;
${unrolled(m, (i) => {
  const row = `m0 + tm * 4u + ${Math.floor(i / 4) * ((4 * tileM) / m) + (i % 4)}u`
  return unrolled(n / 4, (j) => epilogue.write(`sum${i}_${j}`, row, `n0 + tn * 4u + ${4 * j * across}u`))
})}`,
      }),
  }
}

/** Blocks of four edges by four values of k. */
function blocksOf(edges: number, tileK: number): number {
  return (edges / 4) * (tileK / 4)
}

/** Zeros outside, for every factor. */
function readFunction(name: string, { body, four, along, place }: Factor, edges: string): string {
  const placed = place === undefined ? "" : `fn ${name}Place(edge: u32) -> vec4i {\n${place}\n}\n`
  if (four) {
    return `${placed}fn ${name}Four(edge: u32, inner: u32, place: vec4i) -> vec4f {
  if (edge >= ${edges} || inner >= p.k) { return vec4f(); }
${body}
}`
  }
  const at = (c: number): string =>
    along === "edge" ? `${name}One(edge + ${c}u, inner, place)` : `${name}One(edge, inner + ${c}u, place)`
  return `${placed}fn ${name}One(edge: u32, inner: u32, place: vec4i) -> f32 {
  if (edge >= ${edges} || inner >= p.k) { return 0.0; }
${body}
}
fn ${name}Four(edge: u32, inner: u32, place: vec4i) -> vec4f { return vec4f(${[0, 1, 2, 3].map(at).join(", ")}); }`
}

/** A side of a product's tiles. */
interface Side {
  readonly name: "left" | "right"
  readonly factor: Factor
  readonly edges: number
  readonly origin: "m0" | "n0"
  /** The invocation that loads the first block. */
  readonly first: number
  readonly isHalf: boolean
}

/**
 * The blocks of an invocation: their first edge and k in the tile, and the places of their edges. Adjacent invocations
 * load adjacent values.
 */
function placesOf({ name, factor, edges, origin, first }: Side, tileK: number, threads: number): string {
  const { along, place } = factor
  const adjacent = along === "inner" ? tileK / 4 : edges / 4
  const rounds = Math.ceil(blocksOf(edges, tileK) / threads)
  return unrolled(rounds, (round) => {
    const block = `${name}Block${round}`
    const [short, long] = [`${block} % ${adjacent}u * 4u`, `${block} / ${adjacent}u * 4u`]
    const [edge, k] = along === "inner" ? [long, short] : [short, long]
    const places = unrolled(4, (c) => {
      const value = place === undefined ? "vec4i()" : `${name}Place(${origin} + ${name}Edge${round} + ${c}u)`
      return `let ${name}Place${round}_${c} = ${value};`
    })
    return `let ${block} = (local + ${threads - first}u) % ${threads}u + ${round * threads}u;
let ${name}Edge${round} = ${edge};
let ${name}K${round} = ${k};
${places}`
  })
}

/** Loads the blocks of a tile. Those along k are transposed in registers. */
function loadTile({ name, factor, edges, origin, isHalf }: Side, tileK: number, threads: number): string {
  const blocks = blocksOf(edges, tileK)
  const type = isHalf ? "vec4h" : "vec4f"
  return unrolled(Math.ceil(blocks / threads), (round) => {
    const [edge, k] = [`${origin} + ${name}Edge${round}`, `k0 + ${name}K${round}`]
    const loads = unrolled(4, (c) => {
      const at = factor.along === "inner" ? `${edge} + ${c}u, ${k}` : `${edge}, ${k} + ${c}u`
      return `    let v${c} = ${name}Four(${at}, ${name}Place${round}_${c});`
    })
    const value = (c: number): string =>
      factor.along === "inner" ? `vec4f(${[0, 1, 2, 3].map((edge) => `v${edge}[${c}]`).join(", ")})` : `v${c}`
    const stores = unrolled(
      4,
      (c) =>
        `    ${name}Tile[(${name}K${round} + ${c}u) * ${rowOf(edges)}u + ${name}Edge${round} / 4u] = ${type}(${value(c)});`,
    )
    const isWhole = (round + 1) * threads <= blocks
    return `  ${isWhole ? "" : `if (${name}Block${round} < ${blocks}u) `}{
${loads}
${stores}
  }`
  })
}
