import type { JSX } from "preact"

const WIDTH = 640
const HEIGHT = 200
const LEFT = 44
const RIGHT = 8
const TOP = 8
const BOTTOM = 24

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
  const x = (index: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * index) / (last - 1)
  const y = (loss: number): number => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * loss) / top
  const path = (values: readonly number[]): string =>
    values.map((loss, i) => `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(loss).toFixed(1)}`).join("")
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
  const middle = (HEIGHT - BOTTOM + TOP) / 2
  return (
    <figure class="loss">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`Loss over ${losses.length} steps, now ${last.toPrecision(3)}`}
      >
        {[
          [TOP, top],
          [middle, top / 2],
          [HEIGHT - BOTTOM, 0],
        ].map(([y = 0, loss = 0]) => (
          <g key={y}>
            <line x1={LEFT} x2={WIDTH - RIGHT} y1={y} y2={y} class="grid" />
            <text x={LEFT - 6} y={y + 4} text-anchor="end">
              {loss.toPrecision(2)}
            </text>
          </g>
        ))}
        <path d={steps} class="steps" />
        <path d={mean} class="mean" />
        <text x={LEFT} y={HEIGHT - 6}>
          step 1
        </text>
        <text x={WIDTH - RIGHT} y={HEIGHT - 6} text-anchor="end">
          step {Math.max(total, losses.length)}
        </text>
      </svg>
      <figcaption>
        Loss of each step, and the mean of the last 20. After step {losses.length} it is {last.toPrecision(3)}.
      </figcaption>
    </figure>
  )
}
