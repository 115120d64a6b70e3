// Trains an LLLite on drawings and their edges. A few steps show how it is done; `npm start` takes 240.
//   node examples/05-train.js
import { canny, greyToRgb } from "@lllite/core/image"
import { enumerateSites } from "@lllite/format/selections"
import { createNodeRuntime, writeLlliteFile } from "@lllite/runtime-node"
import { cannyThresholds, datasetOfPairs, trainingDrawing } from "@lllite/tiny"

const dataset = datasetOfPairs(4, (index) => {
  const drawing = trainingDrawing(index)
  return { ...drawing, name: `drawing ${index}`, control: greyToRgb(canny(drawing.image, cannyThresholds)) }
})

const runtime = await createNodeRuntime()
const sdxl = await runtime.loadSdxl("tiny")
const sites = enumerateSites(sdxl.layout)
const options = { sites, condDim: 8, mlpDim: 16, steps: 3, batchSize: 2, seed: 0, learningRate: 2e-3 }

const training = sdxl.train(dataset, options)
for (;;) {
  const { done, value } = await training.next()
  if (done) {
    await writeLlliteFile("05-train.safetensors", value.model, { dtype: "F16" })
    break
  }
  if (value.kind === "step") console.log(`step ${value.step} of ${value.steps}: loss ${value.loss.toFixed(4)}`)
}
await runtime.dispose()
