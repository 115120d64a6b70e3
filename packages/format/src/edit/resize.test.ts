import { describe, expect, it } from "vitest"
import { smallLllite, smallSites } from "../../test/lllite-file.ts"
import { written } from "../../test/write-contents.ts"
import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import { readLllite } from "../lllite/read.ts"
import { siteTensorShapes } from "../lllite/tensors.ts"
import { matrix } from "../network/matrix.ts"
import { createRandom } from "../network/sample-inputs.ts"
import { conditionerOutputs, networkTensor, readSiteNetwork } from "../network/site-network.ts"
import { compareLllites } from "./compare.ts"
import { resizeLllite } from "./resize.ts"

const DIMS = { condDim: 6, mlpDim: 8 }

/** An LLLite of two sites, one of each depth, with random values. */
async function randomLllite(): Promise<LlliteFile> {
  const sites = smallSites()
    .filter(({ key }) =>
      /(input_blocks_4_1_transformer_blocks_0|middle_block_1_transformer_blocks_1)_attn1_to_q$/.test(key),
    )
    .map((site): LlliteSite => ({ ...site, ...DIMS }))
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

const reread = async (contents: Parameters<typeof written>[0]): Promise<LlliteFile> =>
  readLllite(await written(contents))

describe("an adapter as a network", () => {
  it("computes the embedding as plain convolutions do", async () => {
    const file = await randomLllite()
    for (const site of file.sites) {
      const network = await readSiteNetwork(file, site)
      const size = site.depth === 3 ? 32 : 16
      const random = createRandom(9)
      const picture = Array.from({ length: 3 }, () =>
        Array.from({ length: size }, () => Array.from({ length: size }, () => 2 * random() - 1)),
      )
      // The same pixels in the order of the network's layers: innermost patch by patch.
      const pixels: number[] = []
      const visit = (kernels: readonly number[], x: number, y: number): void => {
        const [kernel, ...inner] = kernels
        if (kernel === undefined) for (const channel of picture) pixels.push(channel[y]?.[x] ?? Number.NaN)
        else {
          const step = inner.reduce((product, width) => product * width, 1)
          for (let i = 0; i < kernel * kernel; i++)
            visit(inner, x + (i % kernel) * step, y + Math.floor(i / kernel) * step)
        }
      }
      visit(site.depth === 3 ? [2, 4, 4] : [4, 4], 0, 0)
      const outputs = conditionerOutputs(network.conditioner, matrix(pixels.length / 48, 48, Float64Array.from(pixels)))

      let maps = picture
      const layers = site.depth === 3 ? [0, 2, 4] : [0, 2]
      for (const layer of layers) {
        const weight = await file.tensor(site, `conditioning1.${layer}.weight` as "conditioning1.0.weight")
        const bias = await file.tensor(site, `conditioning1.${layer}.bias` as "conditioning1.0.bias")
        maps = convolve(maps, weight, bias, layer === 4 ? 2 : 4)
        if (layer !== layers.at(-1))
          maps = maps.map((rows) => rows.map((row) => row.map((value) => Math.max(0, value))))
      }
      const expected = maps.map((rows) => rows[0]?.[0] ?? Number.NaN)
      const embedding = [...(outputs.at(-1)?.data ?? [])]
      expect(embedding).toHaveLength(expected.length)
      for (const [i, value] of embedding.entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 10)
    }
  })

  it("gives the tensors that it was read from", async () => {
    const file = await randomLllite()
    for (const site of file.sites) {
      const network = await readSiteNetwork(file, site)
      for (const name of siteTensorShapes(site, site).keys()) {
        expect(networkTensor(network, name)).toEqual(await file.tensor(site, name))
      }
    }
  })
})

describe("resizeLllite", () => {
  it("makes adapters wider without changing their delta, and finds the old ones when it narrows them again", async () => {
    const file = await randomLllite()
    const wide = await reread(await resizeLllite(file, { dims: { condDim: 11, mlpDim: 13 } }))
    expect(wide.dims).toEqual({ condDim: 11, mlpDim: 13 })
    for (const { delta } of (await compareLllites(file, wide, { deltas: true })).sites)
      expect(delta).toBeLessThan(1e-12)

    // Samples of some seeds leave a neuron at zero throughout. Then the fit does not see it.
    const back = await resizeLllite(wide, { dims: DIMS, seed: 1 })
    for (const { relative } of back.sites) expect(relative).toBeLessThan(1e-6)
    const narrow = await reread(back)
    expect(narrow.dims).toEqual(DIMS)
    for (const { delta } of (await compareLllites(file, narrow, { deltas: true })).sites)
      expect(delta).toBeLessThan(1e-5)
  })

  it("gives the error on other samples, between the smallest possible error and that of no effect", async () => {
    const file = await randomLllite()
    for (const dims of [{ mlpDim: 4 }, { condDim: 3 }, { condDim: 4, mlpDim: 5 }]) {
      const resized = await resizeLllite(file, { dims })
      const shown = (await compareLllites(file, await reread(resized), { deltas: true })).sites
      for (const [i, { relative, bound }] of resized.sites.entries()) {
        expect(relative).toBeGreaterThan(bound)
        expect(relative).toBeLessThan(0.9)
        const delta = shown[i]?.delta ?? Number.NaN
        expect(Math.abs(delta - relative)).toBeLessThan(0.1 * relative + 0.02)
      }
    }
  })

  it("is better than removing the last neurons", async () => {
    const file = await randomLllite()
    const resized = await resizeLllite(file, { dims: { mlpDim: 5 } })
    const cutSites = file.sites.map((site) => ({ ...site, mlpDim: 5 }))
    const values = async (site: LlliteSite, name: Parameters<LlliteFile["tensor"]>[1]): Promise<Float32Array> => {
      const old = await file.tensor(site, name)
      const rows = (count: number, from: number, take: number, stride: number): number[] =>
        Array.from({ length: count }, (_, row) => [
          ...old.subarray(row * stride + from, row * stride + from + take),
        ]).flat()
      if (name === "up.0.weight") return Float32Array.from(rows(site.inDim, 0, 5, DIMS.mlpDim))
      if (name === "mid.0.weight") return Float32Array.from(rows(5, 0, DIMS.condDim + 5, DIMS.condDim + DIMS.mlpDim))
      return name.startsWith("down.") || name === "mid.0.bias" ? old.subarray(0, (old.length / DIMS.mlpDim) * 5) : old
    }
    const cut = await readLllite(await smallLllite({ sites: cutSites, values }))
    const { sites } = await compareLllites(file, cut, { deltas: true })
    for (const [i, { relative }] of resized.sites.entries()) expect(relative).toBeLessThan(0.8 * (sites[i]?.delta ?? 0))
  })

  it("gives the same file for the same seed", async () => {
    const file = await randomLllite()
    const once = async (seed: number): Promise<Uint8Array> =>
      written(await resizeLllite(file, { dims: { mlpDim: 4 }, seed }))
    expect(await once(3)).toEqual(await once(3))
    expect(await once(3)).not.toEqual(await once(4))
  })

  it.each([
    ["down.0.weight", 7],
    ["conditioning1.0.bias", 0],
    ["up.0.bias", 3],
  ])("refuses an adapter with a single value of %s that is not finite", async (tensor, place) => {
    const file = await randomLllite()
    const values = async (site: LlliteSite, name: Parameters<LlliteFile["tensor"]>[1]): Promise<Float32Array> => {
      const list = (await file.tensor(site, name)).slice()
      if (name === tensor && site.key === file.sites[1]?.key) list[place] = Number.POSITIVE_INFINITY
      return list
    }
    const broken = await readLllite(await smallLllite({ sites: file.sites, values }))
    await expect(resizeLllite(broken, { dims: { mlpDim: 4 } })).rejects.toMatchObject({
      code: "value-range",
      tensor: file.sites[1]?.key,
    })
  })

  it("refuses an LLLite that reads a hole, by its first such site", async () => {
    const file = await randomLllite()
    const sites = file.sites.map((site, i) => (i === 1 ? { ...site, condChannels: 4 as const } : site))
    await expect(resizeLllite({ ...file, sites }, { dims: { mlpDim: 4 } })).rejects.toMatchObject({
      code: "dims",
      tensor: file.sites[1]?.key,
    })
  })

  it("keeps the file's dtype, and takes F32 where it has several", async () => {
    const file = await randomLllite()
    for (const [dtypes, wanted] of [
      [["BF16"], "BF16"],
      [["BF16", "F16"], "F32"],
      [["F16"], "F16"],
    ] as const) {
      const resized = await reread(await resizeLllite({ ...file, dtypes }, { dims: { mlpDim: 4 } }))
      expect(resized.dtypes).toEqual([wanted])
    }
  })

  it("refuses widths out of range, and values that are not finite", async () => {
    const file = await randomLllite()
    await expect(resizeLllite(file, { dims: { mlpDim: 0 } })).rejects.toMatchObject({ code: "dims" })
    const broken = await readLllite(
      await smallLllite({
        sites: file.sites,
        values: async (site, name) =>
          name === "mid.0.bias" ? new Float32Array(8).fill(Number.NaN) : file.tensor(site, name),
      }),
    )
    await expect(resizeLllite(broken, { dims: { mlpDim: 4 } })).rejects.toMatchObject({
      code: "value-range",
      tensor: file.sites[0]?.key,
    })
  })
})

/** A plain convolution whose stride is its kernel: maps [channel][y][x]. */
function convolve(maps: number[][][], weight: Float32Array, bias: Float32Array, kernel: number): number[][][] {
  const size = (maps[0]?.length ?? 0) / kernel
  return Array.from(bias, (start, out) =>
    Array.from({ length: size }, (_, y) =>
      Array.from({ length: size }, (_, x) => {
        let sum = start
        for (const [channel, map] of maps.entries()) {
          for (let ky = 0; ky < kernel; ky++) {
            for (let kx = 0; kx < kernel; kx++) {
              const w = weight[((out * maps.length + channel) * kernel + ky) * kernel + kx] ?? Number.NaN
              sum += w * (map[y * kernel + ky]?.[x * kernel + kx] ?? Number.NaN)
            }
          }
        }
        return sum
      }),
    ),
  )
}
