import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { createDenoiser, type Network } from "./denoiser.ts"
import type { ComposedNetworks } from "./guidance.ts"
import { combineGuidance, rescaleGuidance, withComposedGuidance, withGuidance, zeroEstimate } from "./guidance.ts"

describe("combineGuidance", () => {
  it("extrapolates from the unconditional rows beyond the conditional ones", async () => {
    const prediction = tf.tensor2d([
      [0, 1],
      [10, 20],
      [1, 3],
      [12, 20],
    ])
    const combined = combineGuidance(prediction, 7.5)
    expect(combined.shape).toEqual([2, 2])
    expect([...(await combined.data())]).toEqual([7.5, 16, 25, 20])
    tf.dispose([prediction, combined])
  })

  it("is the conditional prediction at scale 1 and the unconditional at 0", async () => {
    const prediction = tf.tensor2d([[2], [5]])
    for (const [scale, want] of [
      [1, 5],
      [0, 2],
    ] as const) {
      const combined = combineGuidance(prediction, scale)
      expect((await combined.data())[0]).toBe(want)
      combined.dispose()
    }
    prediction.dispose()
  })

  it("refuses a batch that is not made of two halves", () => {
    const odd = tf.zeros([3, 4])
    expect(() => combineGuidance(odd, 7)).toThrow(/\[3, 4\]/)
    odd.dispose()
  })
})

describe("withGuidance", () => {
  it("doubles the rows for the network and leaves one tensor", async () => {
    const input = tf.tensor2d([[1], [2]])
    const before = tf.memory().numTensors
    const shapes: (readonly number[])[] = []
    // The network gives x for unconditional rows, and 3 x for conditional ones.
    const network = withGuidance((doubled) => {
      shapes.push(doubled.shape)
      return tf.tidy(() => tf.mul(doubled, tf.tensor2d([[1], [1], [3], [3]])))
    }, 2)
    const output = await network(input, { sigma: 2, timestep: 500, step: 0, steps: 1, between: false })
    expect(shapes).toEqual([[4, 1]])
    expect([...(await output.data())]).toEqual([5, 10])
    expect(tf.memory().numTensors).toBe(before + 1)
    tf.dispose([input, output])
  })
  it("tells the network's own error, and leaves no tensor", async () => {
    const input = tf.tensor2d([[1], [2]])
    const before = tf.memory().numTensors
    const network = withGuidance(() => Promise.reject(new Error("no device")), 2)
    const at = { sigma: 2, timestep: 500, step: 0, steps: 1, between: false }
    await expect(network(input, at)).rejects.toThrow("no device")
    expect(tf.memory().numTensors).toBe(before)
    input.dispose()
  })
})

/** Networks of which the first prompts run together. */
function bothOf(both: Network, further: readonly Network[] = []): ComposedNetworks {
  const never = () => expect.unreachable()
  return { both, prompts: [never, ...further], negatives: [never] }
}

describe("withComposedGuidance", () => {
  const at = { sigma: 2, timestep: 500, step: 0, steps: 1, between: false }
  // The predictions of each row are [negative, prompt], and those of the empty prompt.
  const network = () => tf.tensor2d([[1], [2], [5], [9]])
  const emptyOf = (negativeScale: number) => ({ network: () => tf.tensor2d([[3], [4]]), negativeScale })
  const guided = async (scale: number, negativeScale: number | null) => {
    const input = tf.tensor2d([[0], [0]])
    const before = tf.memory().numTensors
    const weights = [[1, 1]]
    const empty = negativeScale === null ? null : emptyOf(negativeScale)
    const output = await withComposedGuidance(bothOf(network), { scale, weights, empty })(input, at)
    const values = [...(await output.data())]
    expect(tf.memory().numTensors).toBe(before + 1)
    tf.dispose([input, output])
    return values
  }

  it("goes from the empty prompt towards the prompt, and away from the negative prompt", async () => {
    // 3 + 4 · (5 − 3) − 0.5 · (1 − 3), and 4 + 4 · (9 − 4) − 0.5 · (2 − 4).
    expect(await guided(4, 0.5)).toEqual([12, 25])
    expect(await guided(4, 0)).toEqual([11, 24])
  })

  it("is plain guidance where the negative scale is the scale - 1", async () => {
    expect(await guided(4, 3)).toEqual(await guided(4, null))
    expect(await guided(4, null)).toEqual([17, 30])
  })
})

describe("withComposedGuidance with shares", () => {
  it("multiplies each prompt's guidance by its share, and does not run a prompt without one", async () => {
    const at = { sigma: 2, timestep: 500, step: 0, steps: 1, between: false }
    const network = () => tf.tensor4d([1, 1, 5, 5], [2, 1, 2, 1])
    let runs = 0
    const other = () => {
      runs += 1
      return tf.tensor4d([9, 9], [1, 1, 2, 1])
    }
    const input = tf.zeros([1, 1, 2, 1])
    const left = tf.tensor4d([1, 0], [1, 1, 2, 1])
    const right = tf.tensor4d([0, 0.5], [1, 1, 2, 1])
    const before = tf.memory().numTensors
    const guided = async (parts: readonly (tf.Tensor | null)[]) => {
      const sharesAt = () => ({ parts, rest: null })
      const output = await withComposedGuidance(bothOf(network, [other]), { scale: 2, weights: [[1], [1]], sharesAt })(
        input,
        at,
      )
      const values = [...(await output.data())]
      output.dispose()
      expect(tf.memory().numTensors).toBe(before)
      return values
    }
    // 1 + 2 · (5 − 1), and 1 + 2 · 0.5 · (9 − 1).
    expect(await guided([left, right])).toEqual([9, 9])
    expect(runs).toBe(1)
    expect(await guided([left, null])).toEqual([9, 1])
    expect(await guided([null, null])).toEqual([1, 1])
    expect(runs).toBe(1)
    tf.dispose([input, left, right])
  })
})

describe("withComposedGuidance with parts of both prompts", () => {
  const at = { sigma: 2, timestep: 500, step: 0, steps: 1, between: false }
  const row = (...values: number[]) => tf.tensor4d(values, [1, 1, values.length, 1])
  const networks: ComposedNetworks = {
    both: null,
    prompts: [() => row(5, 6, 7), () => row(9, 9, 9)],
    negatives: [() => row(1, 1, 1), () => row(3, 3, 3)],
  }

  async function guided(nothing: Network | null): Promise<readonly number[]> {
    const made = [row(1, 0, 0), row(0, 1, 0), row(0, 0, 1), row(0.5, 0.5, 0), row(0.5, 0.5, 0), row(0, 0, 1)]
    const [left, middle, right, half, other, none] = made as [tf.Tensor, ...tf.Tensor[]]
    const input = row(1, 2, 4)
    const before = tf.memory().numTensors
    const output = await withComposedGuidance(networks, {
      ...{ scale: 3, weights: [[1], [1]], nothing },
      sharesAt: () => ({ parts: [left, middle ?? null], rest: right ?? null }),
      negativeSharesAt: () => ({ parts: [half ?? null, other ?? null], rest: none ?? null }),
    })(input, at)
    const values = [...(await output.data())]
    expect(tf.memory().numTensors).toBe(before + 1)
    tf.dispose([...made, input, output])
    return values
  }

  it("averages each side by its shares, and takes the zero estimate where no part acts", async () => {
    // ComfyUI: uncond + 3 · (cond − uncond), with the uncond (1 + 3) / 2. Where no part acts, both are zero estimates.
    const [left, middle, right = Number.NaN] = await guided(zeroEstimate("epsilon"))
    expect([left, middle]).toEqual([2 + 3 * (5 - 2), 2 + 3 * (9 - 2)])
    // x − sigma · prediction = 0, where x = input · sqrt(sigma² + 1).
    expect(4 * Math.sqrt(5) - 2 * right).toBeCloseTo(0, 5)
  })

  it("has no guidance where no part acts, without a prediction for nothing", async () => {
    expect(await guided(null)).toEqual([11, 23, 0])
  })
})

describe("zeroEstimate", () => {
  it("is the prediction of each kind whose estimate is zero", async () => {
    for (const prediction of ["epsilon", "v"] as const) {
      const denoise = createDenoiser(zeroEstimate(prediction), { prediction, timestepOf: () => 500 })
      const x = tf.tensor2d([[3, -2]])
      const estimate = await denoise(x, 1.7, { step: 0, steps: 1, between: false })
      for (const value of await estimate.data()) expect(value).toBeCloseTo(0, 5)
      tf.dispose([x, estimate])
    }
  })
})

describe("rescaleGuidance", () => {
  it("gives each picture the deviation of its conditional prediction, or a share of it", async () => {
    const cond = tf.tensor2d([
      [1, -1, 2, 0],
      [3, 3.5, 4, 2],
    ])
    const guided = tf.tidy(() => tf.add(tf.mul(cond, [[4], [0.5]]), 1))
    const deviations = (x: tf.Tensor): readonly number[] => {
      const values = tf.tidy(() => tf.sqrt(tf.moments(x, 1).variance).dataSync())
      return [...values]
    }
    const before = tf.memory().numTensors
    const whole = rescaleGuidance(guided, cond, 1)
    const half = rescaleGuidance(guided, cond, 0.5)
    expect(tf.memory().numTensors).toBe(before + 2)
    for (const [i, deviation] of deviations(cond).entries()) {
      expect(deviations(whole)[i]).toBeCloseTo(deviation, 5)
      expect(deviations(half)[i]).toBeCloseTo((deviation + (deviations(guided)[i] as number)) / 2, 5)
    }
    tf.dispose([cond, guided, whole, half])
  })

  it("changes nothing with the share 0", async () => {
    const rows = tf.tensor2d([
      [0, 1, 2],
      [3, -1, 5],
    ])
    const [plain, rescaled] = [combineGuidance(rows, 7), combineGuidance(rows, 7, 0)]
    expect(await rescaled.data()).toEqual(await plain.data())
    const changed = combineGuidance(rows, 7, 0.7)
    expect(await changed.data()).not.toEqual(await plain.data())
    tf.dispose([rows, plain, rescaled, changed])
  })
})
