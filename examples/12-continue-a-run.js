// A run is plain data between two steps. It continues bit for bit from where it was left.
//   node examples/12-continue-a-run.js
import { canny, greyToRgb } from "@lllite/core/image"
import { enumerateSites } from "@lllite/format/selections"
import { createNodeRuntime } from "@lllite/runtime-node"
import { cannyThresholds, datasetOfPairs, trainingDrawing } from "@lllite/tiny"

const dataset = datasetOfPairs(4, (index) => {
  const drawing = trainingDrawing(index)
  return { ...drawing, name: `drawing ${index}`, control: greyToRgb(canny(drawing.image, cannyThresholds)) }
})

const runtime = await createNodeRuntime()
const sdxl = await runtime.loadSdxl("tiny")
const sites = enumerateSites(sdxl.layout)
const options = { sites, condDim: 8, mlpDim: 16, steps: 4, batchSize: 2, seed: 0, learningRate: 2e-3, stateEvery: 2 }

let saved
for await (const event of sdxl.train(dataset, options)) {
  if (event.kind !== "step" || event.state === null) continue
  saved = structuredClone(event.state)
  break // leaving the loop ends the run
}
console.log(`left after step ${saved?.step}`)

for await (const event of sdxl.train(dataset, { ...options, ...(saved && { initial: saved }) })) {
  if (event.kind === "step") console.log(`step ${event.step} of ${event.steps}: loss ${event.loss}`)
}
await runtime.dispose()
