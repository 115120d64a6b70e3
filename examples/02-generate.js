// From a prompt to a picture, on the SDXL that ships inside.
//   node examples/02-generate.js
import { createNodeRuntime, writePng } from "@lllite/runtime-node"

const runtime = await createNodeRuntime()
const sdxl = await runtime.loadSdxl("tiny") // or the path of an SDXL checkpoint

const requests = [{ prompt: "a large red star", seed: 7 }]
const options = { width: 128, height: 128, steps: 8, guidanceScale: 1.5 }
for await (const event of sdxl.generate(requests, options)) {
  if (event.kind === "step") console.log(`step ${event.step} of ${event.steps}`)
  if (event.kind === "image") await writePng("02-generate.png", event.image)
}
await runtime.dispose()
