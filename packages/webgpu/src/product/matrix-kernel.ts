import type { KernelSource } from "../device/commands.ts"
import { unrolled, wgslModule } from "../wgsl/module.ts"
import type { Epilogue } from "./epilogue.ts"
import type { Factor } from "./factor.ts"
import { type MatrixTile, type MatrixUnit, matrixSizes } from "./matrix-tiles.ts"
import { blocksOf, loadTile, placesOf, readFunction, type Side } from "./tile-loads.ts"
import { tilePlace } from "./tile-place.ts"

export interface MatrixProductOptions {
  /** [M, K] */
  readonly left: Factor
  /** [N, K] */
  readonly right: Factor
  readonly epilogue: Epilogue
  readonly unit: MatrixUnit
  readonly tile: MatrixTile
  /** Products of one size that are computed side by side. */
  readonly count: number
}

/**
 * As `productKernel`, with the same parameters and groups, on subgroup matrices. Values become float16 where a tile is
 * loaded into shared memory. Sums are float32. Rows of a tile lie there as in the factor, whose fours along k are adjacent.
 *
 * The elements of a matrix are not accessible. So sums go through shared memory, one matrix of each subgroup at a time.
 * The order of a sum is fixed by the tile and the device.
 */
export function matrixProductKernel({ left, right, epilogue, unit, tile, count }: MatrixProductOptions): KernelSource {
  const { M, N, K, lanes } = unit
  const [down, across] = tile.matrices
  const { tileM, tileN, tileK, threads, stride, sumStride, sumFours } = matrixSizes(unit, tile)
  const subgroupsAcross = tile.subgroups[1]
  const sides: readonly Side[] = [
    { name: "left", factor: left, edges: tileM, origin: "m0", first: 0 },
    { name: "right", factor: right, edges: tileN, origin: "n0", first: blocksOf(tileM, tileK) % threads },
  ]
  const store = ({ name }: Side, edge: string, k: string, value: string): string =>
    `${name}Tile[(${edge}) * ${stride}u + (${k}) / 4u] = vec4h(${value});`
  const shape = `${tileM}×${tileN}×${tileK} by ${M}×${N}×${K} of ${lanes}, ${tile.subgroups.join("×")} subgroups`
  return {
    key: `product on matrices ${count === 1 ? "" : `${count} times `}${left.key} · ${right.key}${epilogue.key}, ${shape}`,
    code: (storages) =>
      wgslModule(
        {
          enable: ["f16", "subgroups", "chromium_experimental_subgroup_matrix"],
          params: ["m", "n", "k", "span", ...left.params, ...right.params, ...epilogue.params],
          reads: { ...left.reads, ...right.reads, ...epilogue.reads },
          writes: epilogue.writes,
          threads,
          declarations: `/** The number of the product. */
var<private> z: u32;
alias Left = subgroup_matrix_left<f16, ${K}, ${M}>;
alias Right = subgroup_matrix_right<f16, ${N}, ${K}>;
alias Sum = subgroup_matrix_result<f32, ${N}, ${M}>;
var<workgroup> leftTile: array<vec4h, ${tileM * stride}>;
var<workgroup> rightTile: array<vec4h, ${tileN * stride}>;
var<workgroup> stored: array<vec4f, ${(threads / lanes) * sumFours}>;
${readFunction("left", left, "p.m")}
${readFunction("right", right, "p.n")}
${epilogue.declarations}
fn finish(at: u32, sum: vec4f, sumRow: u32, sumColumn: u32) {
${epilogue.write("sum", "sumRow", "sumColumn")}
}`,
          main: `
${tilePlace({ tileM, tileN, count })}
let ownRow = subgroup / ${subgroupsAcross}u * ${down * M}u;
let ownColumn = subgroup % ${subgroupsAcross}u * ${across * N}u;
${sides.map((side) => placesOf(side, tileK, threads)).join("\n")}
${unrolled(down, (i) => unrolled(across, (j) => `var sum${i}_${j} = Sum();`))}
for (var k0 = first; k0 < end; k0 += ${tileK}u) {
${sides.map((side) => loadTile(side, { tileK, threads, by: "inner", store })).join("\n")}
  workgroupBarrier();
  for (var d = 0u; d < ${tile.depth}u; d++) {
    let leftAt = ownRow * ${stride}u + d * ${K / 4}u;
    let rightAt = ownColumn * ${stride}u + d * ${K / 4}u;
${unrolled(down, (i) => `    let left${i} = subgroupMatrixLoad<Left, row_major>(&leftTile, leftAt + ${i * M * stride}u, ${stride}u);`)}
${unrolled(across, (j) => `    let right${j} = subgroupMatrixLoad<Right, col_major>(&rightTile, rightAt + ${j * N * stride}u, ${stride}u);`)}
${unrolled(down, (i) => unrolled(across, (j) => `    sum${i}_${j} = subgroupMatrixMultiplyAccumulate(left${i}, right${j}, sum${i}_${j});`))}
  }
  workgroupBarrier();
}
let at = (part * ${count}u + z) * p.m * p.n;
let own = subgroup * ${sumFours}u;
${unrolled(down, (i) =>
  unrolled(
    across,
    (j) => `subgroupMatrixStore<row_major>(&stored, own, sum${i}_${j}, ${sumStride}u);
workgroupBarrier();
for (var e = lane; e < ${(M * N) / 4}u; e += ${lanes}u) {
  let row = e / ${N / 4}u;
  let four = e % ${N / 4}u;
  finish(at, stored[own + row * ${sumStride}u + four], m0 + ownRow + ${i * M}u + row, n0 + ownColumn + ${j * N}u + four * 4u);
}
workgroupBarrier();`,
  ),
)}`,
        },
        storages,
      ),
  }
}
