import { describe, expect, it } from "vitest"
import {
  areMatrixTiles,
  fittingTiles,
  MATRIX_CANDIDATES,
  MATRIX_TILES,
  type MatrixInfo,
  matrixSizes,
  matrixUnitOf,
} from "./matrix-tiles.ts"

const NVIDIA = { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 48 * 1024 }
const LEAST = { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 16 * 1024 }

function config(side: number, componentType = "f16", resultComponentType = "f32") {
  return { componentType, resultComponentType, M: side, N: side, K: side }
}

function info(...subgroupMatrixConfigs: readonly ReturnType<typeof config>[]): MatrixInfo {
  return { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs }
}

describe("tiles on subgroup matrices", () => {
  it("are 128×128, 64×64 and 32×64 by 32 on NVIDIA's cards, and fit", () => {
    const unit = { M: 16, N: 16, K: 16, lanes: 32 }
    const sizes = MATRIX_TILES.map((tile) => matrixSizes(unit, tile))
    expect(sizes.map(({ tileM, tileN, tileK }) => [tileM, tileN, tileK])).toEqual([
      [128, 128, 32],
      [64, 64, 32],
      [32, 64, 32],
    ])
    // Float16 of both factors by rows of 40, and float32 of four matrices by rows of 20.
    expect(sizes[0]?.sharedBytes).toBe(2 * 40 * 256 + 4 * 4 * 16 * 20)
    expect(fittingTiles(unit, NVIDIA)).toEqual(MATRIX_TILES)
  })

  it("begin, where they are tuned, with those of a device that is not, and fit NVIDIA's cards", () => {
    expect(MATRIX_CANDIDATES.map(([first]) => first)).toEqual(MATRIX_TILES.slice(0, 2))
    const unit = { M: 16, N: 16, K: 16, lanes: 32 }
    for (const tiles of MATRIX_CANDIDATES) expect(fittingTiles(unit, NVIDIA, tiles)).toEqual(tiles)
  })

  it("are known again when they are read", () => {
    const [, larger] = MATRIX_CANDIDATES[0] ?? []
    const tuned = [larger, ...MATRIX_TILES.slice(1)]
    for (const tiles of [MATRIX_TILES, tuned]) expect(areMatrixTiles(JSON.parse(JSON.stringify(tiles)))).toBe(true)
    const strange = { ...MATRIX_TILES[0], depth: 16 }
    for (const tiles of [[], tuned.slice(1), [strange, ...MATRIX_TILES.slice(1)], "tiles"]) {
      expect(areMatrixTiles(tiles)).toBe(false)
    }
  })

  it("leave out those that a device has no room for", () => {
    expect(fittingTiles({ M: 16, N: 16, K: 16, lanes: 32 }, LEAST)).toEqual(MATRIX_TILES.slice(1))
    expect(fittingTiles({ M: 16, N: 16, K: 16, lanes: 128 }, LEAST)).toEqual([])
  })
})

describe("the subgroup matrices of a device", () => {
  it("are the largest of float16 with sums of float32", () => {
    const found = matrixUnitOf(info(config(8), config(16), config(32, "f16", "f16"), config(32, "u8", "u32")), NVIDIA)
    expect(found).toEqual({ M: 16, N: 16, K: 16, lanes: 32 })
  })

  it("are none where kernels cannot use them", () => {
    expect(matrixUnitOf({}, NVIDIA)).toBeNull()
    expect(matrixUnitOf(info(config(16, "f16", "f16")), NVIDIA)).toBeNull()
    expect(matrixUnitOf({ ...info(config(16)), subgroupMaxSize: 64 }, NVIDIA)).toBeNull()
    expect(matrixUnitOf(info(config(6)), NVIDIA)).toBeNull()
    expect(matrixUnitOf(info(config(64)), LEAST)).toBeNull()
  })
})
