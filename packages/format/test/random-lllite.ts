import { expect } from "vitest"
import type { LlliteFile, LlliteSite } from "../src/lllite/read.ts"
import { readLllite } from "../src/lllite/read.ts"
import { siteTensorShapes } from "../src/lllite/tensors.ts"
import { createRandom } from "../src/network/sample-inputs.ts"
import { smallLllite, smallSites } from "./lllite-file.ts"

/** The widths of `randomLllite`. */
export const RANDOM_DIMS = { condDim: 6, mlpDim: 8 }

/** An LLLite of two sites, one of each depth, with random values. */
export async function randomLllite(): Promise<LlliteFile> {
  const sites = smallSites()
    .filter(({ key }) =>
      /(input_blocks_4_1_transformer_blocks_0|middle_block_1_transformer_blocks_1)_attn1_to_q$/.test(key),
    )
    .map((site): LlliteSite => ({ ...site, ...RANDOM_DIMS }))
  expect(sites.map(({ depth }) => depth)).toEqual([2, 3])
  const random = createRandom(5)
  const values = (site: LlliteSite, name: Parameters<LlliteFile["tensor"]>[1]): Float32Array => {
    const shape = siteTensorShapes(site, site).get(name) ?? []
    const count = shape.reduce((product, size) => product * size, 1)
    const spread = 2 / Math.sqrt(shape.length > 1 ? count / (shape[0] ?? 1) : 4)
    return Float32Array.from({ length: count }, () => spread * (2 * random() - 1))
  }
  return readLllite(await smallLllite({ sites, values }))
}
