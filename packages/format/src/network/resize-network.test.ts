import { describe, expect, it } from "vitest"
import { matrixOf, samplesOf, smallNetwork, worksOf } from "../../test/small-network.ts"
import { columnMeans, covariance, matrix, symmetricEigen } from "./matrix.ts"
import { resizeError, resizeNetwork } from "./resize-network.ts"
import { rankBound } from "./samples.ts"
import type { SiteNetwork } from "./site-network.ts"

const close = (found: readonly number[], wanted: readonly number[], digits = 8): void => {
  expect(found).toHaveLength(wanted.length)
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(wanted[i] ?? Number.NaN, digits)
}
const deltasOf = (network: SiteNetwork, samples: Parameters<typeof worksOf>[1]) =>
  worksOf(network, samples).map(({ delta }) => delta)

/** The same function with the weights of `row` taken from `from`, times a factor. */
function withRow(layer: SiteNetwork["down"], row: number, from: number, factor: number): SiteNetwork["down"] {
  const { weight, bias } = layer
  const data = weight.data.slice()
  for (let i = 0; i < weight.cols; i++)
    data[row * weight.cols + i] = factor * (data[from * weight.cols + i] ?? Number.NaN)
  const biases = bias.slice()
  biases[row] = factor * (bias[from] ?? Number.NaN)
  return { weight: matrix(weight.rows, weight.cols, data), bias: biases }
}

describe("a wider network", () => {
  it("has the same delta with a conditioner of three layers", () => {
    const network = smallNetwork({ layers: 3 })
    const samples = samplesOf(network)
    const { network: wide } = resizeNetwork(network, { condDim: 7, mlpDim: 8 }, samples)
    expect(wide.conditioner.map(({ weight, places }) => [weight.rows, weight.cols, places])).toEqual([
      [3, 48, 16],
      [3, 12, 4],
      [7, 12, 4],
    ])
    for (const [token, delta] of deltasOf(wide, samples).entries())
      close(delta, deltasOf(network, samples)[token] ?? [])
  })

  it("has the same delta, and zeros as the weights of new neurons", () => {
    const network = smallNetwork()
    const samples = samplesOf(network)
    const { network: wide, downNeurons } = resizeNetwork(network, { condDim: 7, mlpDim: 8 }, samples)
    expect(downNeurons).toEqual([0, 1, 2, 3, 4])
    const [first, last] = wide.conditioner
    expect([first?.weight.rows, first?.weight.cols, first?.places]).toEqual([3, 48, 16])
    expect([last?.weight.rows, last?.weight.cols, last?.places]).toEqual([7, 12, 4])
    const shapes = [wide.down, wide.mid, wide.up].map(({ weight, bias }) => [weight.rows, weight.cols, bias.length])
    expect(shapes).toEqual([
      [8, 6, 8],
      [8, 15, 8],
      [6, 8, 6],
    ])
    for (const [token, delta] of deltasOf(wide, samples).entries())
      close(delta, deltasOf(network, samples)[token] ?? [])
    for (const { weight, bias } of [wide.down, wide.mid]) {
      expect([...weight.data.subarray(5 * weight.cols), ...bias.subarray(5)].every((value) => value === 0)).toBe(true)
    }
    expect(Array.from(wide.up.weight.data, (value, i) => i % 8 < 5 || value === 0)).not.toContain(false)
    expect(resizeError(network, { network: wide, downNeurons }, samples).relative).toBeLessThan(1e-7)
  })

  it("is the network itself where no width changes", () => {
    const network = smallNetwork()
    const { network: same, downNeurons } = resizeNetwork(network, { condDim: 4, mlpDim: 5 }, samplesOf(network))
    expect(same).toEqual(network)
    expect(downNeurons).toEqual([0, 1, 2, 3, 4])
  })
})

describe("a narrower network", () => {
  it("has the same delta where neurons do what others do", () => {
    const whole = smallNetwork()
    const network: SiteNetwork = {
      ...whole,
      down: withRow(whole.down, 3, 1, 1),
      // A ReLU keeps a positive factor.
      mid: withRow(whole.mid, 4, 0, 2),
    }
    const [samples, others] = [samplesOf(network), samplesOf(network, 30)]
    const resized = resizeNetwork(network, { condDim: 4, mlpDim: 4 }, samples)
    expect(resized.downNeurons).toHaveLength(4)
    expect(resized.network.down.weight.rows).toBe(4)
    for (const [token, delta] of deltasOf(resized.network, others).entries())
      close(delta, deltasOf(network, others)[token] ?? [], 6)
    const { relative, bound } = resizeError(network, resized, others)
    expect(relative).toBeLessThan(1e-6)
    expect(bound).toBeCloseTo(rankBound(network, others, 4), 12)
  })

  it("has the same delta where a neuron never changes", () => {
    const whole = smallNetwork()
    const { weight, bias } = whole.down
    const data = weight.data.slice()
    data.fill(0, 2 * weight.cols, 3 * weight.cols)
    const down = {
      weight: matrix(weight.rows, weight.cols, data),
      bias: bias.map((value, i) => (i === 2 ? 0.7 : value)),
    }
    const network: SiteNetwork = { ...whole, down, mid: withRow(whole.mid, 4, 0, 2) }
    const [samples, others] = [samplesOf(network), samplesOf(network, 30)]
    const resized = resizeNetwork(network, { condDim: 4, mlpDim: 4 }, samples)
    expect(resized.downNeurons).toEqual([0, 1, 3, 4])
    for (const [token, delta] of deltasOf(resized.network, others).entries())
      close(delta, deltasOf(network, others)[token] ?? [], 6)
  })

  it.each([2, 3])("has the same delta where %d layers of a conditioner have channels that others make up", (layers) => {
    const whole = smallNetwork({ layers })
    const conditioner = whole.conditioner.map((layer, i) => ({
      ...(i < layers - 1 ? withRow(layer, 1, 0, 3) : withRow(withRow(layer, 2, 0, -1), 3, 1, 0.5)),
      places: layer.places,
    }))
    const network = { ...whole, conditioner }
    const [samples, others] = [samplesOf(network), samplesOf(network, 30)]
    const resized = resizeNetwork(network, { condDim: 2, mlpDim: 5 }, samples)
    expect(resized.network.conditioner.map(({ weight }) => [weight.rows, weight.cols])).toEqual([
      [1, 48],
      ...(layers === 3 ? [[1, 4]] : []),
      [2, 4],
    ])
    expect(resized.network.mid.weight.cols).toBe(7)
    for (const [token, delta] of deltasOf(resized.network, others).entries())
      close(delta, deltasOf(network, others)[token] ?? [], 6)
  })

  it("has on its samples the mean of the old delta, and an error that no hidden value explains", () => {
    const network = smallNetwork({ mlpDim: 7 })
    const samples = samplesOf(network)
    const resized = resizeNetwork(network, { condDim: 4, mlpDim: 3 }, samples)
    const works = worksOf(resized.network, samples)
    const wanted = deltasOf(network, samples)
    const errors = matrixOf(
      works.map(({ delta }, token) => delta.map((value, i) => value - (wanted[token]?.[i] ?? Number.NaN))),
    )
    close([...columnMeans(errors)], new Array(6).fill(0))
    const explained = covariance(errors, matrixOf(works.map(({ hidden }) => hidden)))
    close([...explained.data], new Array(18).fill(0))
    expect(Math.max(...errors.data)).toBeGreaterThan(0.05)
    const sizes = (rows: readonly (readonly number[])[]): number => rows.flat().reduce((sum, v) => sum + v ** 2, 0)
    const relative = Math.sqrt(errors.data.reduce((sum, v) => sum + v ** 2, 0) / sizes(wanted))
    expect(resizeError(network, resized, samples).relative).toBeCloseTo(relative, 8)
  })

  it.each([false, true])(
    "keeps what the conditioner adds as its rank allows, by each neuron's use (idle: %s)",
    (isIdle) => {
      const whole = smallNetwork({ condDim: 3, mlpDim: 5 })
      const bias = whole.mid.bias.map((value, i) => (isIdle && i === 1 ? -100 : value))
      const network: SiteNetwork = { ...whole, mid: { ...whole.mid, bias } }
      const samples = samplesOf(network)
      const old = worksOf(network, samples)
      // With the same hidden width only the embedding is cut. The layer before it has one channel in both.
      const { network: cut } = resizeNetwork(network, { condDim: 2, mlpDim: 5 }, samples)
      const { mid, up } = network
      const used = Array.from({ length: 5 }, (_, j) => {
        const on = old.filter(({ hidden }) => (hidden[j] ?? 0) > 0).length / old.length
        let size = 0
        for (let i = 0; i < 6; i++) size += (up.weight.data[i * 5 + j] ?? Number.NaN) ** 2
        return Math.sqrt(on * size)
      })
      const weights = used.map((value) => Math.max(value, 1e-4 * Math.max(...used)))
      const share = (of: SiteNetwork["mid"], embedding: readonly number[], condDim: number): number[] =>
        Array.from({ length: 5 }, (_, j) =>
          embedding.reduce((sum, value, i) => sum + value * (of.weight.data[j * (condDim + 5) + i] ?? Number.NaN), 0),
        )
      const patches = old.slice(0, samples.pixels.rows / 4)
      const weigh = (values: readonly number[]): number[] =>
        values.map((value, j) => value * (weights[j] ?? Number.NaN))
      const before = matrixOf(patches.map(({ embedding }) => weigh(share(mid, embedding, 3))))
      const { values } = symmetricEigen(covariance(before, before))
      const after = worksOf(cut, samples).slice(0, patches.length)
      const made = matrixOf(after.map(({ embedding }) => weigh(share(cut.mid, embedding, 2))))
      const difference = matrix(
        before.rows,
        5,
        before.data.map((value, i) => value - (made.data[i] ?? Number.NaN)),
      )
      const left = covariance(difference, difference)
      const trace = [0, 1, 2, 3, 4].reduce((sum, j) => sum + (left.data[j * 6] ?? Number.NaN), 0)
      const tail = [...values].slice(2).reduce((sum, value) => sum + value, 0)
      expect(tail).toBeGreaterThan(1e-4)
      // A later fit may change the rows of `mid` by what the other neurons say.
      expect(trace).toBeGreaterThan(0)
      expect(trace).toBeCloseTo(tail, 6)
    },
  )
})
