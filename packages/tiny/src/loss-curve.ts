import { expectArgument, expectNumbers, isObject } from "./argument.ts"

/** The frame of a curve in its picture. */
export interface CurveFrame {
  /** The picture's edge on the left of the curve, and above it. Default: 0. */
  readonly left?: number
  readonly top?: number
  readonly width: number
  readonly height: number
  /** Steps of the whole run, which the curve's width stands for. Default: as many as there are losses. */
  readonly total?: number
  /** Number of steps in the mean. */
  readonly window: number
}

/** A loss curve as paths of SVG. */
export interface CurvePaths {
  readonly steps: string
  readonly mean: string
  /** The largest loss, at the upper end of the curve. */
  readonly largest: number
}

/**
 * The loss over the steps, and its running mean. Timesteps are drawn at random, so that single losses say little.
 *
 * @param losses one per step, at least one
 */
export function curvePaths(losses: readonly number[], frame: CurveFrame): CurvePaths {
  expectArgument(Array.isArray(losses), "curvePaths: the losses", losses, "a list")
  expectArgument(isObject(frame), "curvePaths: the frame", frame, "an object")
  const { left = 0, top = 0, width, height, total = losses.length, window } = frame
  expectNumbers("curvePaths", { left, top, width, height, total, window })
  expectNumbers("curvePaths: the loss", { ...losses })
  const largest = Math.max(...losses, Number.MIN_VALUE)
  const last = Math.max(total, losses.length, 2)
  const x = (index: number): number => left + (width * index) / (last - 1)
  const y = (loss: number): number => top + height - (height * loss) / largest
  // A place alone is nothing. A line that goes nowhere is a dot.
  const dot = losses.length === 1 ? "h0" : ""
  const path = (values: readonly number[]): string =>
    `M${values.map((loss, i) => `${x(i).toFixed(1)} ${y(loss).toFixed(1)}`).join("L")}${dot}`
  return { steps: path(losses), mean: path(runningMean(losses, window)), largest }
}

/** The mean of the last `window` values at every index. At the beginning there are fewer values. */
export function runningMean(values: readonly number[], window: number): readonly number[] {
  expectArgument(Array.isArray(values), "runningMean: the values", values, "a list")
  expectArgument(Number.isInteger(window) && window > 0, "runningMean: the window", window, "a whole number from 1")
  expectNumbers("runningMean: the value", { ...values })
  let sum = 0
  return values.map((value, i) => {
    sum += value - (i >= window ? (values[i - window] ?? 0) : 0)
    return sum / Math.min(i + 1, window)
  })
}
