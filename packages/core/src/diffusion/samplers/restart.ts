import * as tf from "@tensorflow/tfjs-core"
import { karras } from "../spacings/by-sigma.ts"
import { advanceHeun } from "./heun.ts"
import { type Method, type MethodRun, type NoiseInterval, stepsBetween } from "./sampler.ts"

/** Runs of fewer steps do not go back, unless `restarts` is set. */
const LEAST_STEPS = 20
/** Runs of at least so many steps go back twice. */
const LONG = 36

/**
 * Restart: Heun's method, which goes back up from a low level to a higher one with fresh noise, once or more. With
 * `restarts` 0, a run of at least 20 steps is cut so that it has as many steps as it was asked for.
 *
 * Source: Xu et al. 2023 (arXiv:2306.14878), as stable-diffusion-webui's `restart_sampler`.
 */
export const restart = ({
  sigmas,
  noise,
  options: { restarts, restartSteps, restartMin, restartMax, sNoise },
}: MethodRun<"restarts" | "restartSteps" | "restartMin" | "restartMax" | "sNoise">): Method => {
  const { levels, steps, times } =
    restarts > 0 ? { levels: sigmas, steps: restartSteps, times: restarts } : planOf(sigmas)
  const intervals = withRestarts(levels, { steps, times, min: restartMin, max: restartMax })
  return {
    intervals,
    raise({ sigma, x }, index) {
      const { from = sigma, repeat = 0 } = intervals[index] ?? {}
      if (from <= sigma) return null
      return {
        sigma: from,
        x: tf.tidy(() =>
          tf.add(x, tf.mul(noise({ from: sigma, to: from, repeat }), sNoise * Math.sqrt(from ** 2 - sigma ** 2))),
        ),
      }
    },
    advance: advanceHeun,
  }
}

/** Fewer levels, so that the ways back take no more steps than were asked for. */
function planOf(sigmas: readonly number[]): {
  readonly levels: readonly number[]
  readonly steps: number
  readonly times: number
} {
  const count = sigmas.length - 1
  const end = sigmas.at(-1) as number
  if (count < LEAST_STEPS) return { levels: sigmas, steps: 0, times: 0 }
  const [length, times] = count >= LONG ? [Math.floor(count / 4), 2] : [9, 1]
  const sigmaMin = end > 0 ? end : (sigmas.at(-2) as number)
  return {
    levels: [...karrasBetween(sigmas[0] as number, sigmaMin, count - length * times), end],
    steps: length + 1,
    times,
  }
}

function withRestarts(
  levels: readonly number[],
  {
    steps,
    times,
    min,
    max,
  }: { readonly steps: number; readonly times: number; readonly min: number; readonly max: number },
): readonly NoiseInterval[] {
  const way = stepsBetween(levels)
  const [low, high] = [nearestTo(levels, min), nearestTo(levels, max)]
  if (times === 0 || low === 0 || high >= low || levels[low] === 0) return way
  const back = stepsBetween(karrasBetween(levels[high] as number, levels[low] as number, steps))
  const again = Array.from({ length: times }, (_, repeat) => back.map((step) => ({ ...step, repeat }))).flat()
  return [...way.slice(0, low), ...again, ...way.slice(low)]
}

function karrasBetween(from: number, to: number, steps: number): readonly number[] {
  return karras({ steps, sigmaMin: to, sigmaMax: from }).sigmas
}

/** The index of the level nearest to a sigma. */
function nearestTo(levels: readonly number[], sigma: number): number {
  const distances = levels.map((level) => Math.abs(level - sigma))
  return distances.indexOf(Math.min(...distances))
}
