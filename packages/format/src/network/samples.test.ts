import { describe, expect, it } from "vitest"
import { matrixOf, numbers, product, rowOf, samplesOf, smallNetwork, worksOf } from "../../test/small-network.ts"
import { columnMeans, covariance, matrix, symmetricEigen } from "./matrix.ts"
import { createRandom, sampleProjection } from "./sample-inputs.ts"
import { createSampler, deltaDistance, hiddenOutputs, rankBound, samplePair } from "./samples.ts"

const square = (values: readonly number[]): number => values.reduce((sum, value) => sum + value ** 2, 0)
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe.each([2, 3])("a network with %d layers on samples", (layers) => {
  const network = smallNetwork({ layers })
  const samples = samplesOf(network)
  const works = worksOf(network, samples)

  it("has the hidden values of every token, under the patch of its picture", () => {
    const hidden = hiddenOutputs(network, samples)
    expect([hidden.rows, hidden.cols]).toEqual([80, 5])
    for (const [token, { hidden: wanted }] of works.entries()) {
      for (const [i, value] of rowOf(hidden, token).entries()) expect(value).toBeCloseTo(wanted[i] ?? Number.NaN, 10)
    }
    // The samples stay as they were, negative values as well.
    expect(Math.min(...samples.projected.data)).toBeLessThan(0)
  })

  it("is as far from another as their deltas are, relative to its own", () => {
    const { mid, up, ...rest } = network
    const other = {
      ...rest,
      mid: { ...mid, bias: mid.bias.map((value, i) => value + 0.1 * i) },
      up: { weight: up.weight, bias: up.bias.map((value) => value - 0.2) },
    }
    const others = worksOf(other, samples)
    const distances = works.map(({ delta }, token) =>
      square(delta.map((value, i) => (others[token]?.delta[i] ?? Number.NaN) - value)),
    )
    const wanted = Math.sqrt(mean(distances) / mean(works.map(({ delta }) => square(delta))))
    expect(wanted).toBeGreaterThan(0.05)
    expect(deltaDistance(network, samples, other, samples)).toBeCloseTo(wanted, 10)
    expect(deltaDistance(network, samples, network, samples)).toBeLessThan(1e-7)
  })

  it("is compared with one of other widths", () => {
    const other = smallNetwork({ condDim: 6, mlpDim: 3, layers })
    const theirs = samplesOf(other)
    const others = worksOf(other, theirs)
    const distances = works.map(({ delta }, token) =>
      square(delta.map((value, i) => (others[token]?.delta[i] ?? Number.NaN) - value)),
    )
    const wanted = Math.sqrt(mean(distances) / mean(works.map(({ delta }) => square(delta))))
    expect(deltaDistance(network, samples, other, theirs)).toBeCloseTo(wanted, 10)
  })

  it("is infinitely far from a network with an effect, and not far from one without, where it has none", () => {
    const none = { weight: matrix(6, 5), bias: new Float64Array(6) }
    const idle = { ...network, up: none }
    expect(deltaDistance(idle, samples, network, samples)).toBe(Number.POSITIVE_INFINITY)
    expect(deltaDistance(idle, samples, idle, samples)).toBe(0)
    expect(deltaDistance(network, samples, idle, samples)).toBeCloseTo(1, 10)
    expect(rankBound(idle, samples, 0)).toBe(0)
  })

  it("has at each rank the bound of the singular values that are left", () => {
    const deltas = matrixOf(works.map(({ delta }) => delta))
    const { values } = symmetricEigen(covariance(deltas, deltas))
    const size = mean(works.map(({ delta }) => square(delta)))
    for (let rank = 0; rank <= 5; rank++) {
      const left = [...values].slice(rank).reduce((sum, value) => sum + Math.max(0, value), 0)
      expect(rankBound(network, samples, rank)).toBeCloseTo(Math.sqrt(left / size), 6)
    }
  })
})

describe("a sampler", () => {
  const { down } = smallNetwork()

  it("gives the same samples for the same seed, whatever it drew before, and shares pictures by depth", () => {
    const [first, second] = [createSampler(3), createSampler(3)]
    const one = first(down, 1)
    second(down, 2)
    expect(second(down, 1)).toEqual(one)
    expect(first(down, 1).pixels).toBe(one.pixels)
    expect(first(down, 2).pixels).not.toBe(one.pixels)
    expect(createSampler(4)(down, 1).pixels).not.toEqual(one.pixels)
    expect(createSampler(4)(down, 1).projected).not.toEqual(one.projected)
    expect(one.projected).toEqual(sampleProjection(down.weight, down.bias, 2048, createRandom(7)))
    // 256 patches, with a row for each place of the second kernel, and eight tokens for each.
    expect([one.pixels.rows, first(down, 2).pixels.rows, first(down, 3).pixels.rows]).toEqual([
      ...[256 * 4, 256 * 16, 256 * 16 * 4],
    ])
    expect([one.projected.rows, one.projected.cols]).toEqual([2048, 5])
    for (const [i, value] of columnMeans(one.projected).entries()) {
      expect(Math.abs(value - (down.bias[i] ?? Number.NaN))).toBeLessThan(0.2)
    }
  })

  it("gives two adapters of one site the same inputs, each projected by its own layer", () => {
    const [a, b] = [smallNetwork(), smallNetwork({ mlpDim: 3 })]
    // A sampler that knows what the site reads.
    const x = matrix(4, 6, numbers(24, 1))
    const pixels = matrix(8, 48)
    const [ofA, ofB] = samplePair(a, b, 1, (layer, depth) => {
      expect([depth, layer.weight.rows, layer.weight.cols, layer.bias.length]).toEqual([1, 5 + 3, 6, 5 + 3])
      const rows = Array.from({ length: 4 }, (_, row) => product(layer, rowOf(x, row)))
      return { pixels, projected: matrixOf(rows) }
    })
    for (const [samples, own] of [
      [ofA, a],
      [ofB, b],
    ] as const) {
      expect(samples.pixels).toBe(pixels)
      expect(samples.projected).toEqual(
        matrixOf(Array.from({ length: 4 }, (_, row) => product(own.down, rowOf(x, row)))),
      )
    }
  })
})
