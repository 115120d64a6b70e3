import { unrolled } from "../wgsl/module.ts"
import type { Factor } from "./factor.ts"

/*
 * How the invocations of a workgroup load a tile of a factor into shared memory: in blocks of four edges by four values
 * of k. Kernels differ in how a tile lies there.
 */

/** Blocks of four edges by four values of k. */
export function blocksOf(edges: number, tileK: number): number {
  return (edges / 4) * (tileK / 4)
}

/** Zeros outside, for every factor. */
export function readFunction(name: string, { body, four, along, place }: Factor, edges: string): string {
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
export interface Side {
  readonly name: "left" | "right"
  readonly factor: Factor
  readonly edges: number
  readonly origin: "m0" | "n0"
  /** The invocation that loads the first block. */
  readonly first: number
}

/**
 * The blocks of an invocation: their first edge and k in the tile, and the places of their edges. Adjacent invocations
 * load adjacent values.
 */
export function placesOf({ name, factor, edges, origin, first }: Side, tileK: number, threads: number): string {
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

export interface TileStore {
  readonly tileK: number
  readonly threads: number
  /** The side whose four adjacent values are stored together. */
  readonly by: Factor["along"]
  /** WGSL that stores four values from an edge and a k of the tile on. `value` is a vec4f. */
  store(side: Side, edge: string, k: string, value: string): string
}

/** Loads the blocks of a tile. Those along the other side than they are stored by are transposed in registers. */
export function loadTile(side: Side, { tileK, threads, by, store }: TileStore): string {
  const { name, factor, edges, origin } = side
  const blocks = blocksOf(edges, tileK)
  return unrolled(Math.ceil(blocks / threads), (round) => {
    const [edge, k] = [`${name}Edge${round}`, `${name}K${round}`]
    const loads = unrolled(4, (c) => {
      const at =
        factor.along === "inner" ? `${origin} + ${edge} + ${c}u, k0 + ${k}` : `${origin} + ${edge}, k0 + ${k} + ${c}u`
      return `    let v${c} = ${name}Four(${at}, ${name}Place${round}_${c});`
    })
    const stores = unrolled(4, (c) => {
      const value = factor.along === by ? `v${c}` : `vec4f(${[0, 1, 2, 3].map((i) => `v${i}[${c}]`).join(", ")})`
      return `    ${by === "edge" ? store(side, edge, `${k} + ${c}u`, value) : store(side, `${edge} + ${c}u`, k, value)}`
    })
    const isWhole = (round + 1) * threads <= blocks
    return `  ${isWhole ? "" : `if (${name}Block${round} < ${blocks}u) `}{
${loads}
${stores}
  }`
  })
}
