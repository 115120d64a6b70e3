// A picture in a browser's tab. The work is done in a worker, on WebGPU or WebAssembly.
//   npx vite examples/07-browser-page
import { createWebRuntime } from "@lllite/runtime-web"
import tiny from "@lllite/tiny/tiny-sdxl.safetensors?url"

const state = /** @type {HTMLElement} */ (document.querySelector("#state"))
const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("#picture"))

const runtime = await createWebRuntime()
const sdxl = await runtime.loadSdxl(tiny)
const options = { width: 128, height: 128, steps: 4, guidanceScale: 1.5 }
for await (const event of sdxl.generate([{ prompt: "a large red star", seed: 7 }], options)) {
  if (event.kind === "step") state.textContent = `Step ${event.step} of ${event.steps} on ${runtime.backend}.`
  if (event.kind === "image") draw(event.image)
}
await runtime.dispose()
state.textContent = "Done."

/** @param {import("@lllite/core/image").RgbImage} image RGB bytes; a canvas takes RGBA */
function draw({ width, height, data }) {
  const pixels = new ImageData(width, height)
  for (let i = 0; i < width * height; i++) pixels.data.set([...data.subarray(3 * i, 3 * i + 3), 255], 4 * i)
  canvas.getContext("2d")?.putImageData(pixels, 0, 0)
}
