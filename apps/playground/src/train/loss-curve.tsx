import type { JSX } from "preact"

/** Of the curves' own picture, which is stretched to the place there is. */
const WIDTH = 600
const HEIGHT = 200

/** Where the curves go. */
export interface CurvePaths {
  readonly steps: string
  readonly mean: string
  /** The largest loss, at the top of the picture. */
  readonly top: number
}

/**
 * The loss over the steps, and its running mean: timesteps are drawn at random, so that single losses say little.
 *
 * @param losses one per step, at least one
 * @param total steps of the whole run, which the picture is as wide as
 * @param window how many steps the mean is over
 */
export function curvePaths(losses: readonly number[], total: number, window = 20): CurvePaths {
  const top = Math.max(...losses, Number.MIN_VALUE)
  const last = Math.max(total, losses.length, 2)
  const x = (index: number): number => (WIDTH * index) / (last - 1)
  const y = (loss: number): number => HEIGHT - (HEIGHT * loss) / top
  const path = (values: readonly number[]): string =>
    `M${values.map((loss, i) => `${x(i).toFixed(1)} ${y(loss).toFixed(1)}`).join("L")}${values.length === 1 ? "h0" : ""}`
  let sum = 0
  const means = losses.map((loss, i) => {
    sum += loss - (i >= window ? (losses[i - window] ?? 0) : 0)
    return sum / Math.min(i + 1, window)
  })
  return { steps: path(losses), mean: path(means), top }
}

interface LossCurveProps {
  readonly losses: readonly number[]
  readonly total: number
}

/** The loss while it is trained. */
export function LossCurve({ losses, total }: LossCurveProps): JSX.Element {
  const last = losses.at(-1)
  if (last === undefined) return <p class="placeholder">The loss appears here, step by step.</p>
  const { steps, mean, top } = curvePaths(losses, total)
  return (
    <figure class="loss">
      <div class="loss-plot">
        <div class="loss-scale" aria-hidden="true">
          {[top, top / 2, 0].map((loss) => (
            <span key={loss}>{loss === 0 ? "0" : loss.toPrecision(2)}</span>
          ))}
        </div>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Loss over ${losses.length} steps, now ${last.toPrecision(3)}`}
        >
          {[0, HEIGHT / 2, HEIGHT].map((y) => (
            <line key={y} x1={0} x2={WIDTH} y1={y} y2={y} class="grid" />
          ))}
          <path d={steps} class="steps" />
          <path d={mean} class="mean" />
        </svg>
        <div class="loss-steps" aria-hidden="true">
          <span>step 1</span>
          <span>step {Math.max(total, losses.length)}</span>
        </div>
      </div>
      <figcaption>
        Loss of each step, and the mean of the last 20. After step {losses.length} it is {last.toPrecision(3)}.
      </figcaption>
    </figure>
  )
}
