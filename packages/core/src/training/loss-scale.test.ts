import { describe, expect, it } from "vitest"
import type { Ops } from "../ops/ops.ts"
import { withLossScale } from "./loss-scale.ts"

const HALF: Pick<Ops, "narrow"> = { narrow: (x) => x }

/** An attempt whose gradients overflow above a factor, and the factors that it got. */
function attemptUpTo(most: number, loss = 0.3) {
  const scales: number[] = []
  const attempt = async (scale: number) => {
    scales.push(scale)
    const gradient = scale > most ? Number.POSITIVE_INFINITY : Math.fround(0.1) * scale
    return { loss: Math.fround(loss) * scale, gradients: Float32Array.of(gradient, scale * 2 ** -30) }
  }
  return { scales, attempt }
}

const EXACT = { loss: Math.fround(0.3), gradients: Float32Array.of(0.1, 2 ** -30) }

describe("withLossScale", () => {
  it("leaves a loss as it is where slopes are float32", async () => {
    const { scales, attempt } = attemptUpTo(0.5)
    expect((await withLossScale({}, 64, attempt)).gradients[0]).toBe(Number.POSITIVE_INFINITY)
    expect(scales).toEqual([1])
  })

  it("scales by a power of two that grows with the values of a mean, and takes it out exactly", async () => {
    const { scales, attempt } = attemptUpTo(Number.POSITIVE_INFINITY)
    expect(await withLossScale(HALF, 128 * 128 * 4, attempt)).toEqual(EXACT)
    await withLossScale(HALF, 100, attempt)
    expect(scales).toEqual([2 ** 20, 2 ** 11])
  })

  it("computes gradients that overflow again, with a smaller factor, and says how often", async () => {
    const { scales, attempt } = attemptUpTo(2 ** 13)
    expect(await withLossScale(HALF, 128 * 128 * 4, attempt)).toEqual({ ...EXACT, repeats: 2 })
    expect(scales).toEqual([2 ** 20, 2 ** 16, 2 ** 12])
  })

  it("gives back what is not finite for any factor, and a loss that is not finite at once", async () => {
    const { scales, attempt } = attemptUpTo(0.5)
    expect((await withLossScale(HALF, 16, attempt)).gradients[0]).toBe(Number.POSITIVE_INFINITY)
    expect(scales).toEqual([2 ** 8, 2 ** 4, 1])
    const diverged = attemptUpTo(0.5, Number.NaN)
    expect((await withLossScale(HALF, 16, diverged.attempt)).loss).toBeNaN()
    expect(diverged.scales).toEqual([2 ** 8])
  })
})
