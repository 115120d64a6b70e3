// The calls of the library that `aborts.mjs` aborts, beside those of a run: loading, files, plans, servers, and the calls of
// core that compute in the calling thread.
import { chmod, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createNoiseSchedule } from "../../packages/core/dist/diffusion.js"
import { generate } from "../../packages/core/dist/index.js"
import { measureSpeed, measureTraining } from "../../packages/core/dist/memory.js"
import { createLllite } from "../../packages/core/dist/models.js"
import { createStream } from "../../packages/core/dist/random.js"
import {
  beginTraining,
  cacheDataset,
  createExampleCache,
  LLLITE,
  objective,
  train,
  validationLosses,
} from "../../packages/core/dist/training.js"
import { checkLllite } from "../../packages/format/dist/health.js"
import { controlNetFigure } from "../../packages/format/dist/identify.js"
import { loraKey, openSafetensors, readLllite, unetTable } from "../../packages/format/dist/index.js"
import { fromUrl, request, resolveHubFile } from "../../packages/format/dist/remote.js"
import { enumerateSites } from "../../packages/format/dist/selections.js"
import { serializeSafetensors } from "../../packages/format/dist/write.js"
import { localPath, openLocation } from "../../packages/runtime-node/dist/files.js"
import {
  listPairs,
  loadCheckpoint,
  modelFingerprint,
  openPath,
  openSdxl,
  pairSheet,
  planTaskMemory,
  planTrain,
  readTextEncoders,
  reportDataset,
  startBackend,
  vaeFingerprint,
} from "../../packages/runtime-node/dist/index.js"
import { examineMachine, setUpTensorflow } from "../../packages/runtime-node/dist/machine.js"

const LLLITE_FILE = fileURLToPath(new URL("../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))
const CHECKPOINT = fileURLToPath(new URL("../../packages/tiny/model/tiny-sdxl.safetensors", import.meta.url))
const SIZES = { condDim: 8, mlpDim: 8 }

/**
 * Calls that read files, plan, and examine the machine. Each gets a signal.
 *
 * @param folder for what they write
 * @param config a data set
 */
export function fileCalls({ folder, config }) {
  const subset = config.groups[0].subsets[0]
  return {
    listPairs: (signal) => listPairs(subset, { signal }),
    pairSheet: async (signal) => {
      const { pairs } = await reportDataset(config)
      await pairSheet(pairs, { title: "x", count: 24, seed: 1, signal })
    },
    modelFingerprint: (signal) => modelFingerprint({ checkpoint: CHECKPOINT }, signal),
    vaeFingerprint: (signal) => vaeFingerprint({ checkpoint: CHECKPOINT }, signal),
    readTextEncoders: (signal) => readTextEncoders({ checkpoint: CHECKPOINT }, signal),
    "openPath and its reads": async (signal) => {
      const source = await openPath(CHECKPOINT, { signal })
      try {
        const { tensors, read } = await openSafetensors(source)
        for (const name of tensors.keys()) await read(name)
      } finally {
        await source.close()
      }
    },
    checkLllite: async (signal) => {
      const source = await openPath(LLLITE_FILE)
      try {
        await checkLllite(await readLllite(source), { signal })
      } finally {
        await source.close()
      }
    },
    planTrain: (signal) =>
      planTrain({ checkpoint: "tiny" }, { backend: "wasm" }, { rows: 2, width: 64, height: 64, lllite: SIZES }, signal),
    planTaskMemory: async (signal) => {
      const { files, close } = await openSdxl({ checkpoint: "tiny" })
      try {
        const place = { backend: "wasm", device: "CPU", threads: 1, weights: "file" }
        const pause = () => new Promise(setImmediate)
        const task = { kind: "train", width: 128, height: 128, lllite: SIZES }
        await planTaskMemory(files, place, task, { signal, pause })
      } finally {
        await close()
      }
    },
    examineMachine: (signal) => examineMachine({ signal }),
    setUpTensorflow: async (signal) => {
      const python = await slowPython(folder)
      try {
        await setUpTensorflow({ python, folder: join(folder, "tensorflow"), signal })
      } catch (error) {
        // The script that stands for Python ends with an error, unless the signal comes before.
        if (signal.aborted) throw error
      }
      const left = (await readdir(folder)).filter((name) => name.startsWith("tensorflow"))
      if (left.length > 0) throw new Error(`setup left ${left}`)
    },
  }
}

/** Calls that load what stands beside an SDXL, that fill a data set's stores, and that help another training. */
export async function additionCalls({ folder, runtime, sdxl, dataset }) {
  const [lora, controlNet] = [join(folder, "lora.safetensors"), join(folder, "controlnet.safetensors")]
  const { layers } = unetTable(sdxl.layout)
  const targets = layers.filter(({ kind, attention }) => kind === "linear" && attention === "self")
  await writeWeights(
    lora,
    targets.flatMap((layer) => [
      [`${loraKey(layer)}.lora_down.weight`, [4, layer.inDim]],
      [`${loraKey(layer)}.lora_up.weight`, [layer.outDim, 4]],
      [`${loraKey(layer)}.alpha`, []],
    ]),
  )
  const figure = controlNetFigure({
    ...{ unet: sdxl.layout, widths: await tinyWidths(), middleBlocks: 2 },
    ...{ hintChannels: 3, hintWidths: [16, 16, 32, 32, 96, 96, 256] },
  })
  await writeWeights(controlNet, [...weightsIn(figure)])
  const store = { has: async () => false, read: async () => null, write: async () => {} }
  const stored = { ...dataset, latents: store, texts: store }
  const sites = enumerateSites(sdxl.layout)
  const { adapters, values } = createLllite(sites, SIZES, createStream(1, "aborts"))
  const rows = [0, 1].map(async (index) => {
    const { image, control, size, caption } = await dataset.example(index)
    const { width, height } = image
    return { key: null, width, height, picture: { image, draw: { index, step: 0 } }, text: { caption }, control, size }
  })
  const part = {
    ...{ lllite: { adapters, values }, objective: {} },
    encoding: { seed: 0, captionChunks: 1, weightedCaptions: false },
    ...{ task: { step: 0, firstRow: 0, examples: [0, 1], lane: 0 }, rows: await Promise.all(rows) },
  }
  return {
    loadLora: async (signal) => (await runtime.loadLora(lora, sdxl, { signal })).dispose(),
    loadControlNet: async (signal) => (await runtime.loadControlNet(controlNet, sdxl, { signal })).dispose(),
    cache: Object.assign(
      async (signal, leave) => {
        for await (const _ of sdxl.cache(stored, { seed: 0, signal })) if (leave?.aborted) return
      },
      { isLoop: true },
    ),
    "gradient of stepHelper": async (signal) => {
      const helper = sdxl.stepHelper()
      try {
        await helper.gradient(part, signal)
      } finally {
        await helper.dispose()
      }
    },
  }
}

/** The widths of the embedded SDXL's U-Net. */
async function tinyWidths() {
  const source = await openPath(CHECKPOINT)
  const { tensors } = await openSafetensors(source)
  await source.close()
  const inOf = (end) => [...tensors].find(([name]) => name.endsWith(end))[1].shape[1]
  return { inChannels: 4, contextDim: inOf("attn2.to_k.weight"), vectorDim: inOf("label_emb.0.0.weight") }
}

/** Names of diffusers and shapes of a tree of layers. */
function* weightsIn(tree) {
  for (const value of Object.values(tree)) {
    if (typeof value !== "object" || value === null) continue
    if (!("diffusersPath" in value)) yield* weightsIn(value)
    else {
      const { diffusersPath: path, kind, inDim, outDim, kernel, bias } = value
      yield [
        `${path}.weight`,
        kind === "norm" ? [outDim] : kind === "conv" ? [outDim, inDim, kernel, kernel] : [outDim, inDim],
      ]
      if (bias) yield [`${path}.bias`, [outDim]]
    }
  }
}

/** Writes a file whose tensors have these shapes. */
async function writeWeights(path, shapes) {
  const tensors = shapes.map(([name, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1)
    return [name, { dtype: "F32", shape, bytes: new Uint8Array(new Float32Array(count).fill(0.01).buffer) }]
  })
  await writeFile(path, serializeSafetensors(new Map(tensors)))
}

/** Calls that ask a server, which is slow. */
export function serverCalls({ folder, slow }) {
  const address = `${slow.origin}/tiny.safetensors`
  const endless = `${slow.origin}/x.safetensors`
  const wait = 3000
  const within = (call) => async (signal) => {
    // What never ends by itself is aborted at last.
    const end = AbortSignal.any([signal, AbortSignal.timeout(wait)])
    try {
      await call(end)
    } catch (error) {
      if (signal.aborted || error.name !== "TimeoutError") throw error
    }
  }
  return {
    request: within(async (signal) => (await request(endless, "x", { signal }, {})).arrayBuffer()),
    "fromUrl and its reads": within(async (signal) => {
      const source = await fromUrl(address, { signal })
      for (let at = 0; at < source.size; at += 2 ** 18) await source.read(at, Math.min(source.size, at + 2 ** 18))
    }),
    resolveHubFile: within((signal) =>
      resolveHubFile({ repo: "a/b", revision: "main", file: null }, { endpoint: slow.origin, signal }),
    ),
    openLocation: within(async (signal) => (await openLocation(endless, { signal })).close()),
    localPath: within((signal) => localPath(address, { signal, folder: join(folder, `downloads-${Math.random()}`) })),
  }
}

/** Calls of core and `loadCheckpoint`, which compute in this thread. */
export async function threadCalls({ dataset }) {
  const { ops } = await startBackend("wasm")
  const sdxl = await loadCheckpoint(ops, "tiny")
  const pause = () => new Promise(setImmediate)
  const schedule = createNoiseSchedule()
  const sites = enumerateSites(sdxl.unet.config.layout)
  const model = createLllite(sites, SIZES, createStream(1, "aborts"))
  const cache = createExampleCache(sdxl, { seed: 0 })
  const examples = []
  for (let i = 0; i < 2; i++) examples.push(await cache(await dataset.example(i), i))
  const rows = { seed: 0, step: 0, firstRow: 0, examples, pause }
  return {
    loadCheckpoint: async (signal) => (await loadCheckpoint(ops, "tiny", { signal })).dispose(),
    "generate of core": async (signal) => {
      const options = { width: 128, height: 128, steps: 4, signal, pause }
      for await (const event of generate(sdxl, [{ prompt: "a ring", seed: 1 }], options)) void event
    },
    "cacheDataset of core": async (signal) => {
      for await (const event of cacheDataset(sdxl, dataset, { seed: 0, signal })) void event
    },
    "createExampleCache of core": async (signal) => cache(await dataset.example(3), 3, { signal, pause }),
    "objective of core": (signal) =>
      objective(sdxl, schedule, LLLITE, model, { ...rows, signal }, { gradientCheckpointing: true }),
    "validationLosses of core": (signal) =>
      validationLosses(sdxl, schedule, LLLITE, model, { seed: 0, index: 0, example: examples[0], signal, pause }),
    "train of core": async (signal) => {
      const gradients = async (lllite, tasks) => {
        const parts = []
        for (const { step, firstRow } of tasks) {
          parts.push(await objective(sdxl, schedule, LLLITE, lllite, { ...rows, step, firstRow, signal }))
        }
        return parts
      }
      const options = { steps: 6, batchSize: 2, seed: 0, learningRate: 1e-3, signal }
      for await (const event of train(beginTraining(model), examples, { gradients }, options)) void event
      // An aborted training ends with its last step.
      signal.throwIfAborted()
    },
    "measureTraining of core": async (signal) => {
      const { files, close } = await openSdxl({ checkpoint: "tiny" })
      try {
        const task = { kind: "train", width: 64, height: 64, lllite: SIZES }
        await measureTraining(ops, files, task, { signal, pause })
      } finally {
        await close()
      }
    },
    "measureSpeed of core": (signal) => measureSpeed(ops, "F32", { signal, pause }),
  }
}

/** Stands for a Python whose pip takes long and then fails. */
async function slowPython(folder) {
  const path = join(folder, "python")
  const script = `#!/bin/sh
case "$*" in
  *version_info*) echo 3.11.7 ;;
  *--version*) echo pip 24 ;;
  *) sleep 1; exit 1 ;;
esac
`
  await writeFile(path, script)
  await chmod(path, 0o755)
  return path
}
