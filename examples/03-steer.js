// A control picture steers: the edges of a drawing, through an LLLite that was trained on such edges.
//   node examples/03-steer.js
import { fileURLToPath } from "node:url"
import { canny, greyToRgb } from "@lllite/core/image"
import { createNodeRuntime, writePng } from "@lllite/runtime-node"
import { cannyThresholds, heldOutDrawing } from "@lllite/tiny"

const { image, caption } = heldOutDrawing(0)
const control = greyToRgb(canny(image, cannyThresholds))

const runtime = await createNodeRuntime()
const sdxl = await runtime.loadSdxl("tiny")
const path = fileURLToPath(import.meta.resolve("@lllite/tiny/lllite-canny.safetensors"))
const adapter = await runtime.loadAdapter(path, sdxl)

for (const strength of [0, 1]) {
  const options = { width: 128, height: 128, steps: 8, guidanceScale: 1.5, adapters: [{ adapter, control, strength }] }
  for await (const event of sdxl.generate([{ prompt: caption, seed: 7 }], options)) {
    if (event.kind === "image") await writePng(`03-steer-${strength}.png`, event.image)
  }
}
await runtime.dispose()
