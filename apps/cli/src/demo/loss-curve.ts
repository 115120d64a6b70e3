const WIDTH = 640
const HEIGHT = 220
const LEFT = 48
const BOTTOM = 28
const TOP = 10
const RIGHT = 10

/**
 * The loss over the steps as an SVG: every step faint, and their running mean. Timesteps are drawn at random, so that
 * single losses say little.
 *
 * @param losses one per step, at least one
 * @param window how many steps the mean is over
 */
export function lossCurve(losses: readonly number[], window = 25): string {
  const top = Math.max(...losses, Number.MIN_VALUE)
  const x = (step: number): number =>
    LEFT + (WIDTH - LEFT - RIGHT) * (losses.length === 1 ? 0 : (step - 1) / (losses.length - 1))
  const y = (loss: number): number => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * loss) / top
  const path = (values: readonly number[]): string =>
    values.map((loss, i) => `${i === 0 ? "M" : "L"}${x(i + 1).toFixed(1)} ${y(loss).toFixed(1)}`).join("")
  const ticks = [0, top / 2, top].map(
    (loss) =>
      `<text x="${LEFT - 6}" y="${(y(loss) + 4).toFixed(1)}" text-anchor="end">${loss.toPrecision(2)}</text>` +
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(loss).toFixed(1)}" y2="${y(loss).toFixed(1)}" class="grid"/>`,
  )
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Loss over ${losses.length} steps">`,
    ...ticks,
    `<path d="${path(losses)}" class="steps"/>`,
    `<path d="${path(runningMean(losses, window))}" class="mean"/>`,
    `<text x="${LEFT}" y="${HEIGHT - 8}">step 1</text>`,
    `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">step ${losses.length}</text>`,
    "</svg>",
  ].join("")
}

/** The mean of the last `window` values at every place; of fewer at the beginning. */
export function runningMean(values: readonly number[], window: number): readonly number[] {
  let sum = 0
  return values.map((value, i) => {
    sum += value - (i >= window ? (values[i - window] ?? 0) : 0)
    return sum / Math.min(i + 1, window)
  })
}
