// What the sites of an LLLite add in real passes of the U-Net.
import { cacheDataset, LLLITE, objectiveLoss } from "../../packages/core/dist/training.js"
import { datasetOfPairs } from "../../packages/tiny/dist/index.js"

/** Where the noise still hides the places of things. */
const TIMESTEP = 700

/**
 * A meter of an LLLite's sites on some pairs, in one pass at timestep 700. Norms are root mean squares over all sites.
 * `whole`: what sites add, as a share of what their layers read. `ofControl`: the part of it that changes when the
 * control is another picture's.
 */
export async function siteDeltas(sdxl, schedule, pairs) {
  const caching = cacheDataset(
    sdxl,
    datasetOfPairs(pairs.length, (index) => pairs[index]),
    { seed: 0 },
  )
  let next = await caching.next()
  while (next.done !== true) next = await caching.next()
  const examples = next.value
  const others = examples.map((example, i) => ({ ...example, control: examples[(i + 1) % examples.length].control }))
  return async (model) => {
    const sums = { read: 0, whole: 0, ofControl: 0 }
    const measured = {
      ...LLLITE,
      place(placedOps, lllite, batch) {
        const own = LLLITE.place(placedOps, lllite, batch)
        const other = LLLITE.place(placedOps, lllite, { ...batch, examples: others })
        const dispose = () => {
          own.dispose()
          other.dispose()
        }
        const tap = {
          ...own.tap,
          reads: () => null,
          before(layers, x, pass) {
            const [right, wrong] = [own, other].map((placed) => placed.tap.before(layers, x, pass))
            const [read, ...pictures] = [x, ...right, ...wrong].map((tensor) => tensor.dataSync())
            for (const [i, layer] of layers.entries()) {
              if (!own.tap.has(layer)) continue
              const [a, b] = [pictures[i], pictures[layers.length + i]]
              for (let at = 0; at < read.length; at++) {
                sums.read += read[at] ** 2
                sums.whole += (a[at] - read[at]) ** 2
                // Two controls that are drawn alike differ by twice the variance.
                sums.ofControl += (a[at] - b[at]) ** 2 / 2
              }
            }
            return right
          },
        }
        return { ...own, tap, dispose }
      },
    }
    const rows = { seed: 0, step: 0, firstRow: 0, examples }
    await objectiveLoss(sdxl, schedule, measured, model, rows, { minTimestep: TIMESTEP, maxTimestep: TIMESTEP + 1 })
    const share = (sum) => Number(Math.sqrt(sum / sums.read).toPrecision(3))
    return { whole: share(sums.whole), ofControl: share(sums.ofControl) }
  }
}
