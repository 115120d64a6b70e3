// What runtime-web offers in a page, with right arguments, for `misuse.mjs`.
import { call, whole } from "./misuse-call.mjs"

const SIDE = 32

/** Opens the tiny model in the page of `openWebPage`, and gives the calls. */
export async function webCalls({ web, selections }) {
  const here = (path) => ({ url: new URL(path, location.href).href, keep: false })
  const picture = () => whole({ width: SIDE, height: SIDE, data: new Uint8Array(3 * SIDE ** 2).fill(90) })
  const png = new Blob([await web.encodePng(picture(), new Map())], { type: "image/png" })
  const runtime = await web.createWebRuntime({ backend: "wasm" })
  const sdxl = whole(await runtime.loadSdxl(here("tiny/tiny-sdxl.safetensors")))
  const source = whole(here("tiny/lllite-canny.safetensors"))
  const adapter = whole(await runtime.loadAdapter(source, sdxl))
  const layout = whole({ ...sdxl.layout })
  const model = whole(await runtime.readLllite(source, layout))
  const sites = whole(selections.enumerateSites(sdxl.layout).slice(0, 1))
  const size = { original: [SIDE, SIDE], crop: [0, 0], target: [SIDE, SIDE] }
  const example = async () => ({ name: "one", image: picture(), control: picture(), caption: "a red star", size })
  const use = { adapter, control: picture(), strength: 0.5, start: 0, end: 1, mask: picture(), blocks: { middle: 1 } }
  const options = {
    ...{ width: SIDE, height: SIDE, steps: 1, guidanceScale: 1, sampler: "euler", batchSize: 1, strict: false },
    ...{ prompts: { clipSkip: 2 }, deepShrink: { levels: [{ depth: 3, timestep: 700 }], ratio: 0.5 } },
  }
  const training = {
    ...{ steps: 1, batchSize: 1, learningRate: 1e-4, seed: 1, sites, condDim: 4, mlpDim: 4, stateEvery: 1 },
    ...{ objective: { minTimestep: 0, noise: { offset: 0.1 } }, optimizer: { name: "adamw" }, maxGradNorm: 1 },
  }
  const none = whole(here("none.safetensors"))
  const calls = [
    call("createWebRuntime", web.createWebRuntime, { backend: "wasm" }),
    call("loadSdxl in a page", runtime.loadSdxl, here("tiny/tiny-sdxl.safetensors"), { prediction: "epsilon" }),
    call("planSdxl", runtime.planSdxl, here("tiny/tiny-sdxl.safetensors"), { side: SIDE }),
    call("loadAdapter in a page", runtime.loadAdapter, here("tiny/lllite-canny.safetensors"), sdxl, {}),
    call("loadLora in a page", runtime.loadLora, none, sdxl, {}),
    call("loadControlNet in a page", runtime.loadControlNet, none, sdxl, {}),
    call("readLllite in a page", runtime.readLllite, source, layout, {}),
    call("writeLllite", runtime.writeLllite, model, { dtype: "F16", metadata: new Map() }),
    call("readTrainState", runtime.readTrainState, none, layout, {}),
    call("planTrain", runtime.planTrain, sdxl, {
      ...{ rows: 1, width: SIDE, height: SIDE, checkpointing: false, lllite: { condDim: 4, mlpDim: 4 }, sites },
    }),
    call("generate in a page", sdxl.generate, [{ prompt: "a red star", negativePrompt: "", seed: 1 }], {
      ...{ ...options, adapters: [use] },
    }),
    call("train in a page", sdxl.train, whole({ count: 1, example }), training),
    call("cache in a page", sdxl.cache, whole({ count: 1, example }), { seed: 1, captionChunks: 1 }),
    call("encodePng in a page", web.encodePng, { ...picture() }, new Map()),
    call("readPngInfo in a page", web.readPngInfo, png),
    call("readImage in a page", web.readImage, png),
    call("offersFloat16", web.offersFloat16, whole({ requestAdapter: async () => null })),
    call("openStored", web.openStored, "a"),
    call("removeStored", web.removeStored, "a"),
  ]
  return { calls, close: () => runtime.dispose() }
}
