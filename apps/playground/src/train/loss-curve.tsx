import { curvePaths } from "@lllite/tiny"
import type { JSX } from "preact"
import { messages } from "../language/language.ts"

/** Size of the drawing of the curves, which is stretched to the size on the page. */
const WIDTH = 600
const HEIGHT = 200

/** Number of steps of the mean. */
const WINDOW = 20

interface LossCurveProps {
  readonly losses: readonly number[]
  readonly total: number
}

/** The curve of the loss during training. */
export function LossCurve({ losses, total }: LossCurveProps): JSX.Element {
  const last = losses.at(-1)
  const words = messages.value.train
  if (last === undefined) return <p class="placeholder">{words.lossPlaceholder}</p>
  const { steps, mean, largest: top } = curvePaths(losses, { width: WIDTH, height: HEIGHT, total, window: WINDOW })
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
          aria-label={words.lossLabel(losses.length, last.toPrecision(3))}
        >
          {[0, HEIGHT / 2, HEIGHT].map((y) => (
            <line key={y} x1={0} x2={WIDTH} y1={y} y2={y} class="grid" />
          ))}
          <path d={steps} class="steps" />
          <path d={mean} class="mean" />
        </svg>
        <div class="loss-steps" aria-hidden="true">
          <span>{words.stepNumbered(1)}</span>
          <span>{words.stepNumbered(Math.max(total, losses.length))}</span>
        </div>
      </div>
      <figcaption>{words.lossCaption(WINDOW, losses.length, last.toPrecision(3))}</figcaption>
    </figure>
  )
}
