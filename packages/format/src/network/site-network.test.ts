import { describe, expect, it } from "vitest"
import { RANDOM_DIMS, randomLllite } from "../../test/random-lllite.ts"
import { conditionerKernels, siteTensorShapes } from "../lllite/tensors.ts"
import { matrix } from "./matrix.ts"
import { createRandom } from "./sample-inputs.ts"
import { conditionerOutputs, networkTensor, readSiteNetwork } from "./site-network.ts"

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

  it("has the widths and the places of its site", async () => {
    const file = await randomLllite()
    for (const site of file.sites) {
      const { conditioner, down, mid, up } = await readSiteNetwork(file, site)
      const { condDim, mlpDim } = RANDOM_DIMS
      expect(conditioner.map(({ places }) => places)).toEqual(conditionerKernels(site.depth).map((side) => side ** 2))
      expect(conditioner.at(-1)?.weight.rows).toBe(condDim)
      const shapes = [down, mid, up].map(({ weight, bias }) => [weight.rows, weight.cols, bias.length])
      expect(shapes).toEqual([
        [mlpDim, site.inDim, mlpDim],
        [mlpDim, condDim + mlpDim, mlpDim],
        [site.inDim, mlpDim, site.inDim],
      ])
    }
    expect([1, 2, 3].map((depth) => conditionerKernels(depth as 1 | 2 | 3))).toEqual([
      [4, 2],
      [4, 4],
      [4, 4, 2],
    ])
  })

  it("has no tensor of another name", async () => {
    const file = await randomLllite()
    const [site] = file.sites
    if (site === undefined) throw new Error("the file has no site")
    const network = await readSiteNetwork(file, site)
    for (const name of ["conditioning1.8.weight", "side.0.weight"]) {
      expect(() => networkTensor(network, name as "up.0.weight")).toThrow(`the network has no ${name}`)
    }
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
