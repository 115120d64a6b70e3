import { curvePaths } from "@lllite/tiny"

const WIDTH = 640
const HEIGHT = 220
const LEFT = 48
const BOTTOM = 28
const TOP = 10
const RIGHT = 10

/**
 * The loss over the steps as an SVG: every step in a faint line, and the running mean. Timesteps are random, so a single
 * loss says little.
 *
 * @param losses one per step, at least one
 * @param window number of steps in the mean
 * @param total the last step. Default: as many as there are losses
 */
export function lossCurve(losses: readonly number[], window = 25, total = losses.length): string {
  const [width, height] = [WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP]
  const { steps, mean, largest } = curvePaths(losses, { left: LEFT, top: TOP, width, height, window })
  const y = (loss: number): number => TOP + height - (height * loss) / largest
  const ticks = [0, largest / 2, largest].map(
    (loss) =>
      `<text x="${LEFT - 6}" y="${(y(loss) + 4).toFixed(1)}" text-anchor="end">${loss.toPrecision(2)}</text>` +
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(loss).toFixed(1)}" y2="${y(loss).toFixed(1)}" class="grid"/>`,
  )
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Loss over ${total} steps">`,
    ...ticks,
    `<path d="${steps}" class="steps"/>`,
    `<path d="${mean}" class="mean"/>`,
    `<text x="${LEFT}" y="${HEIGHT - 8}">step 1</text>`,
    `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">step ${total}</text>`,
    "</svg>",
  ].join("")
}
