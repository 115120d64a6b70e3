import type { KernelSource } from "../device/commands.ts"
import { unrolled, wgslModule } from "../wgsl/module.ts"
import type { Epilogue } from "./epilogue.ts"
import type { Factor } from "./factor.ts"
import { blocksOf, loadTile, placesOf, readFunction, type Side } from "./tile-loads.ts"
import { tilePlace } from "./tile-place.ts"
import { rowOf, type Tile, threadsOf } from "./tiles.ts"

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
  const sides: readonly Side[] = [
    { name: "left", factor: left, edges: tileM, origin: "m0", first: 0 },
    // Invocations that load no block of the left tile load one of the right.
    { name: "right", factor: right, edges: tileN, origin: "n0", first: blocksOf(tileM, tileK) % threads },
  ]
  /** A row of the tile is a value of k, by four edges. */
  const store = ({ name, edges }: Side, edge: string, k: string, value: string): string =>
    `${name}Tile[(${k}) * ${rowOf(edges)}u + (${edge}) / 4u] = ${name === "right" && isHalf ? "vec4h" : "vec4f"}(${value});`
  return {
    key: `product ${count === 1 ? "" : `${count} times `}${left.key} · ${right.key}${epilogue.key}, ${shape}${isHalf ? ", 16 bits" : ""}`,
    code: (storages) =>
      wgslModule(
        {
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
${tilePlace({ tileM, tileN, count })}
// Counted in fours.
let tm = local / ${across}u;
let tn = local % ${across}u;
${sides.map((side) => placesOf(side, tileK, threads)).join("\n")}
${unrolled(m, (i) => unrolled(n / 4, (j) => `var sum${i}_${j} = vec4f();`))}
for (var k0 = first; k0 < end; k0 += ${tileK}u) {
${sides.map((side) => loadTile(side, { tileK, threads, by: "edge", store })).join("\n")}
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
        },
        storages,
      ),
  }
}
