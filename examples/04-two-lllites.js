// Two LLLites at once. Here one file twice: each follows one half of the control, and one ends early.
//   node examples/04-two-lllites.js
import { fileURLToPath } from "node:url"
import { canny, greyToRgb } from "@lllite/core/image"
import { createNodeRuntime, writePng } from "@lllite/runtime-node"
import { cannyThresholds, heldOutDrawing } from "@lllite/tiny"

const { image, caption } = heldOutDrawing(1)
const { width, height, data } = greyToRgb(canny(image, cannyThresholds))
const half = data.length / 2
const top = { width, height, data: data.map((value, i) => (i < half ? value : 0)) }
const bottom = { width, height, data: data.map((value, i) => (i < half ? 0 : value)) }

const runtime = await createNodeRuntime()
const sdxl = await runtime.loadSdxl("tiny")
const path = fileURLToPath(import.meta.resolve("@lllite/tiny/lllite-canny.safetensors"))
const [first, second] = [await runtime.loadAdapter(path, sdxl), await runtime.loadAdapter(path, sdxl)]

const adapters = [
  { adapter: first, control: top, strength: 0.7 },
  { adapter: second, control: bottom, strength: 0.7, end: 0.8 }, // ends where 80 % of the noise schedule is done
]
/** @type {import("@lllite/runtime-node").GenerateRunOptions} */
const options = { width, height, steps: 8, guidanceScale: 1.5, adapters, combine: "sum" }
for await (const event of sdxl.generate([{ prompt: caption, seed: 7 }], options)) {
  if (event.kind === "image") await writePng("04-two-lllites.png", event.image)
}
await runtime.dispose()
