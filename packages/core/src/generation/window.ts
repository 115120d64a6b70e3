import { checkArgument, checkArguments, checkGiven } from "../argument.ts"
import type { SamplerName } from "../diffusion/names.ts"
import type { PassPosition } from "../diffusion/pass-position.ts"
import { type NoiseSchedule, timestepAt } from "../diffusion/schedule.ts"
import { CoreError } from "../errors.ts"
import { isInRange, rangeText } from "../number-range.ts"
import { GENERATE_RANGES } from "./defaults.ts"

/**
 * How a window is read:
 *
 * - `schedule`: by the noise level of each pass. The number of steps, the sampler and a start from a picture make no
 *   difference. Advanced-ControlNet and ComfyUI's own ControlNet read windows in this way.
 * - `sd-scripts`: by counting. A pass `i` of `n` is inside while `start <= i / n <= end`.
 * - `comfyui`: by counting, as kohya's node does. A pass `i` is inside while `floor(steps · start) <= i < floor(steps ·
 *   end)`. The count begins again after `steps` passes, so samplers with two passes in a step have two windows.
 */
export const WINDOW_COUNTS = ["schedule", "sd-scripts", "comfyui"] as const
export type WindowCount = (typeof WINDOW_COUNTS)[number]

/** A point of a curve: its place on the noise schedule, as a part (`at`) or as a noise level (`sigma`), and a factor. */
export type CurvePoint =
  | { readonly at: number; readonly strength: number }
  | { readonly sigma: number; readonly strength: number }

/**
 * Where on the noise schedule something acts, and how much. A part of the schedule is `1 - timestep / 999`: 0 is pure
 * noise, 1 has no noise. All fields multiply.
 */
export interface Window {
  /** Where it begins, from 0 to 1. Default: 0. */
  readonly start?: number
  /** Where it ends, from 0 to 1. Default: 1. */
  readonly end?: number
  /**
   * The part of the schedule over which it rises after `start` and falls before `end`, smoothly. An end at 0 or at 1 has
   * no slope, because nothing comes before or after it. Default: 0.
   */
  readonly ease?: number
  /** How `start` and `end` are read. Default: `schedule`. */
  readonly windowBy?: WindowCount
  /**
   * Factors at points of the schedule, in any order. Between two points the factor is linear in the part of the schedule.
   * Before the first and after the last it stays. Two points at one place are a jump, which the second one takes.
   * Default: 1 everywhere.
   */
  readonly curve?: readonly CurvePoint[]
}

/** Checks a window. @param place its owner, which begins the message @throws CoreError that names the wrong field */
export function checkWindow(place: string, window: Window): void {
  checkArgument(place, window, "an object")
  const { start = 0, end = 1, ease = 0, windowBy, curve } = window
  checkArguments(place, "a number", { start, end })
  if (!(start >= 0 && start <= end && end <= 1)) {
    throw new CoreError("option-range", `${place} runs from ${start} to ${end}, expected 0 ≤ start ≤ end ≤ 1`)
  }
  expectNumber(place, "ease", ease, GENERATE_RANGES.ease)
  if (windowBy !== undefined && !WINDOW_COUNTS.includes(windowBy)) {
    throw new CoreError(
      "option-unknown",
      `${place}: windowBy is ${JSON.stringify(windowBy)}, expected one of ${WINDOW_COUNTS.join(", ")}`,
    )
  }
  if (curve !== undefined && curve.length === 0) {
    throw new CoreError("option-range", `${place}: curve has no point, expected at least one. Or leave it out.`)
  }
  for (const [i, point] of (curve ?? []).entries()) {
    expectNumber(place, `curve[${i}].strength`, point.strength, GENERATE_RANGES.strength)
    const isSigma = "sigma" in point
    if (isSigma === "at" in point) {
      throw new CoreError("option-conflict", `${place}: curve[${i}] is ${JSON.stringify(point)}, expected at or sigma`)
    }
    if (isSigma) expectNumber(place, `curve[${i}].sigma`, point.sigma, GENERATE_RANGES.sigma)
    else expectNumber(place, `curve[${i}].at`, point.at, GENERATE_RANGES.window)
  }
}

function expectNumber(place: string, name: string, value: number, range: Parameters<typeof rangeText>[0]): void {
  if (isInRange(value, range)) return
  throw new CoreError("option-range", `${place}: ${name} is ${value}, expected ${rangeText(range)}`)
}

/** The factor of a window at a pass. It is 0 outside of the window. */
export type WindowReader = (window: Window) => number

/** Samplers of sd-scripts with two passes in each step but the last. */
const TWO_PASSES: readonly SamplerName[] = ["heun", "dpm_2", "dpm_2_a", "k_dpm_2", "k_dpm_2_a"]

/**
 * The factors of windows at each pass of one run. Calls have to follow the order of the run. Several calls at one
 * position, for example for tiles, are one pass. A pass between two steps is read by its own noise level.
 */
export function createWindowReader(
  schedule: NoiseSchedule,
  sampler: SamplerName,
): (position: PassPosition) => WindowReader {
  checkGiven("window: the schedule", schedule, "sigmas", "createNoiseSchedule")
  checkArgument("window: the sampler", sampler, "text")
  const last = schedule.sigmas.length - 1
  const curves = new WeakMap<readonly CurvePoint[], readonly Placed[]>()
  const placed = (curve: readonly CurvePoint[]): readonly Placed[] => {
    const found = curves.get(curve) ?? placePoints(schedule, curve)
    curves.set(curve, found)
    return found
  }
  let firstStep: number | null = null
  let pass = -1
  let before = ""
  return ({ step, steps, between, sigma, timestep }) => {
    firstStep ??= step
    const now = `${step} ${between} ${sigma}`
    if (now !== before) pass += 1
    before = now
    const own = steps - firstStep
    const place = {
      progress: 1 - timestep / last,
      ...{ pass, steps: own, passes: TWO_PASSES.includes(sampler) ? 2 * own - 1 : own },
    }
    return (window) => {
      const inside = insideFactor(window, place)
      return inside === 0 || window.curve === undefined
        ? inside
        : inside * curveAt(placed(window.curve), place.progress)
    }
  }
}

/** The place of a pass in a run. */
interface Place {
  /** The part of the schedule that is done, from 0 (pure noise) to 1. */
  readonly progress: number
  /** The index of the pass in the run. */
  readonly pass: number
  /** The number of steps of the run. */
  readonly steps: number
  /** The number of passes of the run. */
  readonly passes: number
}

/** 1 inside of a window, 0 outside, and between on its slopes. */
function insideFactor({ start = 0, end = 1, ease = 0, windowBy = "schedule" }: Window, place: Place): number {
  const { progress, pass, steps, passes } = place
  if (windowBy === "sd-scripts") {
    // sd-scripts never switches off a ratio of 1: `sdxl_gen_img.py`, `ratio < i / len(timesteps) and ratio < 1.0`.
    const done = pass / passes
    return done >= start && (done <= end || end === 1) ? 1 : 0
  }
  if (windowBy === "comfyui") {
    // kohya's node: `node_control_net_lllite.py`, `LLLiteModule.forward`. It takes percent.
    const stepOf = (part: number): number => Math.floor(steps * Number((100 * part).toFixed(9)) * 0.01)
    const call = pass % steps
    return call >= stepOf(start) && call < stepOf(end) ? 1 : 0
  }
  if (progress < start || progress > end) return 0
  if (ease === 0) return 1
  const rise = start === 0 ? 1 : smooth((progress - start) / ease)
  const fall = end === 1 ? 1 : smooth((end - progress) / ease)
  return rise * fall
}

/** From 0 at 0 to 1 at 1, with flat ends. */
function smooth(x: number): number {
  const inside = Math.min(1, Math.max(0, x))
  return inside * inside * (3 - 2 * inside)
}

/** A point of a curve by its part of the schedule. */
interface Placed {
  readonly at: number
  readonly strength: number
}

function placePoints(schedule: NoiseSchedule, curve: readonly CurvePoint[]): readonly Placed[] {
  const last = schedule.sigmas.length - 1
  return curve
    .map((point) => ({
      at: "sigma" in point ? 1 - timestepAt(schedule, point.sigma, "log") / last : point.at,
      strength: point.strength,
    }))
    .sort((a, b) => a.at - b.at)
}

function curveAt(points: readonly Placed[], progress: number): number {
  const above = points.findIndex(({ at }) => at > progress)
  const right = points[above]
  const left = points[above < 0 ? points.length - 1 : above - 1]
  if (left === undefined || right === undefined) return (left ?? right)?.strength ?? 1
  return left.strength + ((right.strength - left.strength) * (progress - left.at)) / (right.at - left.at)
}
