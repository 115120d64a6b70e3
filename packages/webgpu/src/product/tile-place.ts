/** The tiles of a product, and the number of products side by side. */
export interface ProductTiles {
  readonly tileM: number
  readonly tileN: number
  readonly count: number
}

/**
 * WGSL that places a workgroup: its product `z`, its part of the sum from `first` to `end`, and its tile from row `m0` and
 * column `n0`. A workgroup whose part is empty returns.
 */
export function tilePlace({ tileM, tileN, count }: ProductTiles): string {
  return `let tilesM = (p.m + ${tileM - 1}u) / ${tileM}u;
let tilesN = (p.n + ${tileN - 1}u) / ${tileN}u;
let part = group / (tilesM * tilesN * ${count}u);
let first = part * p.span;
if (first >= p.k) { return; }
z = group / (tilesM * tilesN) % ${count}u;
let end = min(first + p.span, p.k);
let m0 = group / tilesN % tilesM * ${tileM}u;
let n0 = group % tilesN * ${tileN}u;`
}
