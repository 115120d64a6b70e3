import { expect, it } from "vitest"
import { createStepHistory, type StepFigures } from "./step-history.ts"

const figures = (loss: number): StepFigures => ({
  ...{ loss, learningRate: 0.1, gradientNorm: 2 * loss, adaptedRate: loss > 0 ? loss : null },
})

it("has the mean of the last epoch's worth of steps, as sd-scripts' recorder", () => {
  const history = createStepHistory(3)
  const means = [4, 1, 1, 7, 10].map((loss, index) => {
    history.add(figures(loss))
    return history.averageLoss(index)
  })
  // In the second epoch, each loss replaces the one of its place in the first.
  expect(means).toEqual([4, 2.5, 2, 3, 6])
})

it("continues with the same bits", () => {
  const losses = Array.from({ length: 40 }, (_, i) => Math.sin(i) / 3)
  const whole = createStepHistory(7)
  for (const loss of losses) whole.add(figures(loss))
  const begun = createStepHistory(7)
  for (const loss of losses.slice(0, 25)) begun.add(figures(loss))
  const continued = createStepHistory(7, { state: { step: 25 }, history: begun.saved() })
  for (const loss of losses.slice(25)) continued.add(figures(loss))
  expect(continued.saved()).toEqual(whole.saved())
  for (const index of losses.keys()) {
    expect(continued.averageLoss(index)).toBe(whole.averageLoss(index))
    expect(continued.at(index)).toEqual(whole.at(index))
  }
})

it("begins anew after a state without the figures of each step", () => {
  const history = new Map([["loss", Float64Array.of(1, 2)]])
  expect(createStepHistory(3, { state: { step: 2 }, history }).length).toBe(0)
  expect(createStepHistory(3, { state: { step: 2 }, history: new Map() }).length).toBe(0)
})
