// Your own pictures: a folder of targets with captions, and one of controls with the same names.
//   node examples/06-own-data-set.js
import { mkdir, writeFile } from "node:fs/promises"
import { canny, greyToRgb } from "@lllite/core/image"
import { enumerateSites } from "@lllite/format/selections"
import { createNodeRuntime, datasetOfFolders, openDataset, writePng } from "@lllite/runtime-node"
import { cannyThresholds, trainingDrawing } from "@lllite/tiny"

await mkdir("06-images", { recursive: true })
await mkdir("06-controls", { recursive: true })
for (const name of [0, 1]) {
  const { image, caption } = trainingDrawing(name)
  await writePng(`06-images/${name}.png`, image)
  await writeFile(`06-images/${name}.txt`, caption)
  await writePng(`06-controls/${name}.png`, greyToRgb(canny(image, cannyThresholds)))
}

const folders = { imageDir: "06-images", conditioningDataDir: "06-controls", captionExtension: ".txt" }
const dataset = await openDataset(datasetOfFolders({ ...folders, resolution: 128 }))

const runtime = await createNodeRuntime()
const sdxl = await runtime.loadSdxl("tiny")
const sites = enumerateSites(sdxl.layout)
const options = { sites, condDim: 8, mlpDim: 16, steps: 2, batchSize: 2, seed: 0, learningRate: 2e-3 }
for await (const event of sdxl.train(dataset, options)) console.log(event)
await runtime.dispose()
