// The calls of `misuse.mjs`, with right arguments.
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as image from "../../packages/core/dist/image.js"
import { createRecipe, readRecipe, requestOf, writeWorkflow } from "../../packages/core/dist/recipe.js"
import * as edit from "../../packages/format/dist/edit.js"
import { checkLllite } from "../../packages/format/dist/health.js"
import { identify } from "../../packages/format/dist/identify.js"
import { openSafetensors, readLllite } from "../../packages/format/dist/index.js"
import { parseLlliteMetadata } from "../../packages/format/dist/modelspec.js"
import { enumerateSites } from "../../packages/format/dist/selections.js"
import { serializeLllite, serializeSafetensors } from "../../packages/format/dist/write.js"
import { runRank, startRankHub } from "../../packages/ranks/dist/index.js"
import * as node from "../../packages/runtime-node/dist/index.js"
import { openPieces, startServer, startWorker } from "../../packages/serve/dist/index.js"
import { call, whole } from "./misuse-call.mjs"

const canny = fileURLToPath(new URL("../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

/** Opens what the calls need, and gives them. */
export async function openCalls(folder) {
  const bytes = new Uint8Array(await readFile(canny))
  const file = await openSafetensors(bytes)
  const lllite = await readLllite(bytes)
  const picture = node.blankImage(32, 32, [200, 30, 30])
  const path = join(folder, "a.png")
  await node.writePng(path, picture)
  for (const name of ["images", "controls"]) {
    await mkdir(join(folder, name))
    await node.writePng(join(folder, name, "a.png"), picture)
    await writeFile(join(folder, name, "a.txt"), "a red star")
  }
  const folders = { imageDir: join(folder, "images"), conditioningDataDir: join(folder, "controls"), resolution: "32" }
  const config = whole(node.datasetOfFolders(folders))
  const dataset = whole(await node.openDataset(config))
  const runtime = await node.createNodeRuntime({ backend: "wasm", threads: 1 })
  const sdxl = whole(await runtime.loadSdxl("tiny"))
  const adapter = whole(await runtime.loadAdapter(canny, sdxl))
  const sites = whole(enumerateSites(sdxl.layout).slice(0, 1))
  const opened = whole(lllite)
  const use = { adapter, control: picture, strength: 0.5, start: 0, end: 1, mask: picture, blocks: { middle: 1 } }
  const options = {
    ...{ width: 32, height: 32, steps: 1, guidanceScale: 1, sampler: "euler", adapters: [use], batchSize: 1 },
    ...{ prompts: { clipSkip: 2 }, tiles: { size: 64, overlap: 8 }, deepCache: { interval: 2 }, strict: false },
    deepShrink: { levels: [{ depth: 3, timestep: 700 }], ratio: 0.5 },
    start: { image: picture, strength: 0.5 },
  }
  const { tiles: _, deepCache: __, start: ___, ...plain } = options
  const training = {
    ...{ steps: 1, batchSize: 1, learningRate: 1e-4, seed: 1, sites, condDim: 4, mlpDim: 4, stateEvery: 1 },
    ...{
      objective: { minTimestep: 0, noise: { offset: 0.1 }, huber: { schedule: "snr" } },
      optimizer: { name: "adamw" },
    },
    ...{ lr: { curve: "constant" }, ema: { decay: 0.9 }, partRates: { up: 1 }, maxGradNorm: 1, shards: 1 },
  }
  const tensors = new Map([["a", { dtype: "F32", shape: [1], bytes: new Uint8Array(4) }]])
  const recipe = createRecipe({
    prompt: "a",
    seed: 1,
    steps: 2,
    width: 64,
    height: 64,
    model: { checkpoint: { path: "tiny" } },
  })
  const calls = [
    call("createNodeRuntime", node.createNodeRuntime, {
      backend: "cpu",
      threads: 1,
      precision: "F32",
      weights: "file",
    }),
    call("loadSdxl", runtime.loadSdxl, "tiny", { prediction: "epsilon", loras: [] }),
    call("loadAdapter", runtime.loadAdapter, canny, sdxl, {}),
    call("loadLora", runtime.loadLora, join(folder, "none.safetensors"), sdxl, {}),
    call("loadControlNet", runtime.loadControlNet, join(folder, "none.safetensors"), sdxl, {}),
    call("readTextualInversion", runtime.readTextualInversion, join(folder, "none.safetensors"), { name: "x" }),
    call("generate", sdxl.generate, [{ prompt: "a red star", negativePrompt: "", seed: 1 }], plain),
    call("generate, more options", sdxl.generate, [{ prompt: "a", seed: 1 }], { ...options, adapters: [] }),
    call("train", sdxl.train, dataset, training),
    call("cache", sdxl.cache, dataset, { seed: 1, captionChunks: 1 }),
    call("validation", (...args) => sdxl.validation(...args), dataset, { seed: 1, objective: { minTimestep: 0 } }),
    call("openDataset", node.openDataset, config, { captionChunks: 1 }),
    call("reportDataset", node.reportDataset, config, {}),
    call("datasetOfFolders", node.datasetOfFolders, folders),
    call("listPictures", node.listPictures, [folder]),
    call("readImage", node.readImage, path),
    call("readImageSize", node.readImageSize, path),
    call("readPngText", node.readPngText, path),
    call("writePng", node.writePng, join(folder, "b.png"), picture, new Map(), {}),
    call("writeWebp", node.writeWebp, join(folder, "b.webp"), picture, { quality: 90 }),
    call("writeAtomically", node.writeAtomically, join(folder, "c.txt"), "text", {}),
    call("tryOutputs", node.tryOutputs, [join(folder, "d.txt")], {}),
    call("readLlliteFile", node.readLlliteFile, canny, whole({ ...sdxl.layout })),
    call("openPath", node.openPath, canny, {}),
    call("openSdxl", node.openSdxl, { checkpoint: "tiny" }),
    call("vaeFingerprint", node.vaeFingerprint, { checkpoint: "tiny" }),
    call("readTextFile", node.readTextFile, join(folder, "images", "a.txt")),
    call("readDatasetConfig", node.readDatasetConfig, join(folder, "images", "a.txt")),
    call("openSafetensors", openSafetensors, bytes),
    call("readLllite", readLllite, bytes, {}),
    call("identify", identify, file),
    call("checkLllite", checkLllite, opened, {}),
    call("compareLllites", edit.compareLllites, opened, opened),
    call("mergeLllites", edit.mergeLllites, [
      { file: opened, weight: 0.5 },
      { file: opened, weight: 0.5 },
    ]),
    call("pruneLllite", edit.pruneLllite, opened, (site) => site.block === "middle"),
    call("convertSafetensors", edit.convertSafetensors, bytes, { dtype: "F16" }),
    call("hashSafetensors", edit.hashSafetensors, bytes, {}),
    call("serializeSafetensors", serializeSafetensors, tensors, new Map()),
    call("serializeLllite", serializeLllite, { sites: [], values: () => new Float32Array(), dtype: "F32" }),
    call("parseLlliteMetadata", parseLlliteMetadata, new Map()),
    call("canny", image.canny, picture, { low: 100, high: 200 }),
    call("preprocess", image.preprocess, picture, { kind: "canny", options: {} }),
    call("resizeImage", image.resizeImage, picture, 16, 16, "lanczos"),
    call("fitImage", image.fitImage, picture, { width: 16, height: 16 }, "crop"),
    call("rgbToGrey", image.rgbToGrey, picture),
    call("createRecipe", createRecipe, { prompt: "a", seed: 1, model: { checkpoint: { path: "tiny" } } }),
    call("readRecipe", readRecipe, JSON.stringify(recipe)),
    call("requestOf", requestOf, whole(recipe)),
    call("writeWorkflow", writeWorkflow, whole(recipe)),
    call("startServer", startServer, {
      folder: join(folder, "server"),
      runner: whole({ checkCommand() {}, generate() {}, command() {}, dispose: async () => {} }),
      library: whole({ list: async () => [] }),
      port: 0,
      version: "1",
    }),
    call("startWorker", startWorker, {
      ...{ redis: { url: "redis://127.0.0.1:1" }, library: {}, createRunner: () => ({}), name: "a" },
    }),
    call("openPieces", openPieces, { redis: { url: "redis://127.0.0.1:1" }, store: { place: folder }, version: "1" }),
    call("startRankHub", startRankHub, { host: "127.0.0.1", port: 0, token: "abc", identity: whole({}) }),
    call("runRank", rankForAMoment, {
      ...{
        address: { host: "127.0.0.1", port: 1 },
        token: "a",
        identity: whole({}),
        name: "a",
        places: 1,
        patience: 0.1,
      },
      ...{ gradient: async () => {}, signal: new AbortController().signal },
    }),
  ]
  return { calls, close: () => runtime.dispose() }
}

/** A rank whose signal, if it has one, comes soon: what waits for another process has taken its options. */
async function rankForAMoment(options) {
  const isSignal = options?.signal instanceof AbortSignal
  await runRank(isSignal ? { ...options, signal: AbortSignal.timeout(300) } : options).catch((error) => {
    if (error.name !== "TimeoutError") throw error
  })
}
