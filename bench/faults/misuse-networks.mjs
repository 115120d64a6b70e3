// The networks and loaders of core, its ops, training steps and plans of memory, with right arguments, for `misuse.mjs`.
import { readFile } from "node:fs/promises"
import * as tf from "@tensorflow/tfjs"
import * as diffusion from "../../packages/core/dist/diffusion.js"
import * as generation from "../../packages/core/dist/index.js"
import * as memory from "../../packages/core/dist/memory.js"
import * as models from "../../packages/core/dist/models.js"
import * as ops from "../../packages/core/dist/ops.js"
import { createPythonRandom, createStream } from "../../packages/core/dist/random.js"
import * as training from "../../packages/core/dist/training.js"
import { FormatError, loraKey, openSafetensors, readLllite } from "../../packages/format/dist/index.js"
import { enumerateSites } from "../../packages/format/dist/selections.js"
import { blankImage, openSdxl } from "../../packages/runtime-node/dist/index.js"
import { bytesOf, call, whole } from "./misuse-call.mjs"
import { controlNetFile, entriesOf, exampleOf } from "./misuse-fixtures.mjs"

const canny = new URL("../../packages/tiny/model/lllite-canny.safetensors", import.meta.url)
const merges = new URL("../../packages/core/data/clip-merges.txt", import.meta.url)

/** Loads the tiny model, and gives calls of what core runs it with. */
export async function networkCalls() {
  await tf.setBackend("cpu")
  await ops.registerGradients()
  const composed = whole(ops.createComposedOps())
  const verbs = await verbCalls(composed, ops)
  const opened = await openSdxl({ checkpoint: "tiny" })
  const files = whole(
    Object.fromEntries(Object.entries(opened.files).map(([part, file]) => [part, whole({ ...file })])),
  )
  const load = whole({ ...composed.load })
  const tokenizer = whole(models.createTokenizer(await readFile(merges, "utf8")))
  const loaded = await models.loadSdxl(composed, files, tokenizer)
  const sdxl = whole({ ...loaded, ...Object.fromEntries(["unet", "vae", "text1", "text2"].map(wholePart)) })

  function wholePart(part) {
    return [part, whole(loaded[part])]
  }

  const file = await readLllite(new Uint8Array(await readFile(canny)))
  const model = whole(await models.readLlliteModel(file))
  const lllite = whole(models.uploadLllite(model))
  const images = { count: 1, height: 32, width: 32, data: new Float32Array(3 * 32 * 32) }
  const prepared = whole(models.prepareControl(composed, lllite, images))
  const { config } = sdxl.unet
  const input = {
    latents: tf.zeros([1, 4, 4, config.inChannels]),
    timesteps: [10],
    context: tf.zeros([1, 77, config.contextDim]),
    vector: tf.zeros([1, config.pooledDim + 1536]),
  }
  const sites = whole(enumerateSites(config.layout).slice(-1))
  const site = whole({ ...sites[0] })
  const dims = { condDim: 4, mlpDim: 4 }
  const state = whole(training.createTrainState(sites, dims, 1))
  const picture = blankImage(32, 32, [200, 30, 30])
  const latents = tf.zeros([1, 4, 4, 4])
  const tap = models.llliteTap(composed, lllite, prepared, 1)
  const place = { ops: composed, vae: sdxl.vae }
  const task = { kind: "generate", width: 64, height: 64, lllite: dims }
  const outline = whole({ ...memory.COMPOSED_FOOTPRINT })
  const schedule = whole(diffusion.createNoiseSchedule())
  const plan = whole(
    generation.planSampling({
      ...{ steps: 2, sampler: "euler", spacing: "karras", spacingOptions: {}, samplerOptions: {}, schedule },
    }),
  )
  const posterior = whole({ mean: latents, logvar: latents })
  const pass = { timestep: 1, step: 0, steps: 2 }
  const layer = whole({ network: "unet", path: site.path })
  const saved = () => training.saveTrainState(training.LLLITE, state)
  const settings = training.settingsOf(training.OPTIMIZERS.adamw, {})
  const configs = whole({ unet: config, text1: sdxl.text1.config, text2: sdxl.text2.config })
  const { inDim } = site
  const loraFile = whole({
    label: "x",
    entries: entriesOf([
      [`${loraKey(layer)}.lora_down.weight`, [1, inDim]],
      [`${loraKey(layer)}.lora_up.weight`, [inDim, 1]],
    ]),
  })
  const lora = whole(await models.loadLiveLora(composed.load, loraFile, configs))
  const inversion = whole({
    label: "x",
    entries: entriesOf([
      ["clip_l", [1, configs.text1.width]],
      ["clip_g", [1, configs.text2.width]],
    ]),
  })
  const netFile = whole(controlNetFile(config))
  const net = whole((await models.loadControlNet(netFile, composed.load, config)).params)
  const example = exampleOf(picture)
  /** A data set of one. A count of 1e9 is no mistake that its reader could see. */
  const firstAlone = async (index) => {
    if (index === 0) return example
    throw new FormatError("argument", `there is no example ${index}`)
  }
  const cached = whole(await training.createExampleCache(sdxl, { seed: 1 })(example, 0))
  const batch = { examples: [cached], memo: { of: (_, __, make) => make() }, draws: { holes: () => [] } }
  const placed = whole(training.LLLITE.place(composed, state.model, batch))
  const conditions = whole(
    generation.encodeConditions(sdxl, [{ prompt: "a" }], { guided: false, size: example.size, prompts: {} }),
  )
  const runBytes = await bytesOf(training.savedRunChunks({ state, facts: new Map() }))
  const runFile = whole({ ...(await openSafetensors(runBytes)) })
  const [model32, lllites] = [whole({ ...state.model }), whole({ ...training.LLLITE })]
  const rows = whole({ seed: 1, step: 0, firstRow: 0, examples: [cached] })
  /** Some functions change a state or a model in place. The next call gets it as it was. */
  const onCopy =
    (run) =>
    (given, ...rest) =>
      run(copyOf(given), ...rest)
  const all =
    (run) =>
    (...args) =>
      void tf.dispose(run(...args))
  const keep =
    (run) =>
    (...args) =>
      freed(run(...args))
  const calls = [
    call("loadSdxl of core", models.loadSdxl, composed, files, tokenizer, { prediction: "epsilon" }),
    call("partsOf", models.partsOf, files),
    call("joinedParts", models.joinedParts, files),
    call("unetOf", models.unetOf, files.unet),
    call("vaeOf", models.vaeOf, files.vae),
    call("isProjectionTransposed", models.isProjectionTransposed, files.text2),
    call("inferUnetConfig", models.inferUnetConfig, files.unet),
    call("inferVaeConfig", models.inferVaeConfig, files.vae),
    call("inferText1Config", models.inferText1Config, files.text1),
    call("inferText2Config", models.inferText2Config, files.text2),
    call("loadUnet", models.loadUnet, files.unet, load),
    call("loadVae", models.loadVae, files.vae, load),
    call("loadControlNet of core", models.loadControlNet, netFile, load, whole({ ...config })),
    call("loadLiveLora", models.loadLiveLora, load, loraFile, configs),
    call("mergeLoras", models.mergeLoras, files, []),
    call("isDora", models.isDora, loraFile),
    call("parseBlockWeights", models.parseBlockWeights, "1,0,0,0,0,0,0,0,0,0,0,0"),
    call("readTextualInversion of core", models.readTextualInversion, inversion, "x"),
    call("withInversions", (...args) => void models.withInversions(...args), sdxl, []),
    call("createTokenizer", models.createTokenizer, await readFile(merges, "utf8")),
    call("captionTokens", models.captionTokens, tokenizer, "a", false),
    call("isCutCaption", models.isCutCaption, tokenizer, "a", 1, false),
    call("cutCaptionNotices", models.cutCaptionNotices, ["a"], 1),
    call("promptIds", models.promptIds, tokenizer, "a", 0),
    call("promptChunks", models.promptChunks, tokenizer, "a", 0, 1),
    call("joinedPositions", models.joinedPositions, 1),
    call("promptNotices", models.promptNotices, tokenizer, ["a"], { maxChunks: 1 }, []),
    call("countChunks", models.countChunks, tokenizer, "a", { maxChunks: 1 }),
    call("encodeText", keep(models.encodeText), composed, sdxl.text1, [[49406, 320, 49407]], 49407, { clipSkip: 1 }),
    call("encodePrompts", keep(models.encodePrompts), composed, sdxl, ["a"], { chunks: 1, clipSkip: 2 }),
    call("encodeWeightedPrompts", keep(models.encodeWeightedPrompts), composed, sdxl, ["a"], { clipSkip: 2 }),
    call("conditionVector", keep(models.conditionVector), tf.zeros([1, 64]), [
      { original: [64, 64], crop: [0, 0], target: [64, 64] },
    ]),
    call("unet", keep(models.unet), composed, sdxl.unet, whole({ ...input }), {}),
    call(
      "unet, its input",
      keep((given) => models.unet(composed, sdxl.unet, given)),
      input,
    ),
    call(
      "controlNet",
      all(models.controlNet),
      composed,
      net,
      whole({ ...input }),
      [{ embedding: tf.zeros([1, 4, 4, config.layout.modelChannels]), type: 0 }],
      { pictures: 1 },
    ),
    call("embedHint", keep(models.embedHint), composed, net, tf.zeros([1, 32, 32, 3])),
    call("createFeatureCache", models.createFeatureCache, { interval: 2, depth: 1 }),
    call("createTextKeyCache", models.createTextKeyCache),
    call("encodeImage", keep(models.encodeImage), composed, sdxl.vae, tf.zeros([1, 32, 32, 3]), { slices: 1 }),
    call("decodeLatents", keep(models.decodeLatents), composed, sdxl.vae, latents, { slices: 1 }),
    call("latentsOf", keep(models.latentsOf), posterior, latents),
    call("createLllite", models.createLllite, sites, dims, whole(createStream(1, "init")), { init: "zero" }),
    call("readLlliteModel", models.readLlliteModel, whole({ ...file })),
    call("llliteNotices", models.llliteNotices, whole({ ...file })),
    call("fileTensor", models.fileTensor, model, whole({ key: model.adapters[0].site.key }), "up.0.weight"),
    call("layOutSlots", models.layOutSlots, whole([...model.adapters])),
    call("uploadLllite", (given) => models.disposeLllite(models.uploadLllite(given)), model),
    call("disposeLllite", models.disposeLllite, whole({ adapters: new Map(), leaves: [] })),
    call("disposeParams", models.disposeParams, whole({})),
    call("bytesOf", models.bytesOf, lllite),
    call("weightsOf", (tree) => [...models.weightsOf(tree)], lllite),
    call("prepareControl", models.prepareControl, composed, lllite, images),
    call("llliteTap", models.llliteTap, composed, lllite, prepared, 1),
    call("loraTap", models.loraTap, composed, lora, { strength: 1 }),
    call("chainTaps", models.chainTaps, [whole({ ...tap })]),
    call("sumTaps", models.sumTaps, [whole({ ...tap })]),
    call("strengthsAt", models.strengthsAt, 1, layer, 1, pass),
    call("madeUpEntries", models.madeUpEntries, [["a", [1]]], "F16"),
    call("madeUpSdxl", models.madeUpSdxl, "F16"),

    call("adapterLayout", ops.adapterLayout, 4, 2),
    call("commonStrength", ops.commonStrength, [1, 1]),
    call("createComposedOps", ops.createComposedOps, { products: "looped" }),
    call("createDenseStack", ops.createDenseStack, composed),
    call("readEntryInto", ops.readEntryInto, whole(entryOf([1], [1])), new Uint8Array(4)),
    call("selfCheck", ops.selfCheck, composed, 1e-4),
    call("shareBuffers", ops.shareBuffers, [{ bytes: 4, from: 0, until: 1 }], [4]),
    call("vjp", keep(ops.vjp), [tf.zeros([1])], () => ({ value: tf.zeros([1]), saved: [], gradients: () => [] })),
    call("vjpSeveral", keep(ops.vjpSeveral), [tf.zeros([1])], () => ({
      ...{ values: [tf.zeros([1])], saved: [], gradients: () => [] },
    })),
    call("registerGradients", ops.registerGradients),
    ...verbs,

    call("planMemory", memory.planMemory, files, task, outline, {}),
    call("sdxlOutline", memory.sdxlOutline, "F16"),
    call("largestEntry", memory.largestEntry, files.unet.entries),
    call("gpuVaeBytes", memory.gpuVaeBytes, { height: 64, width: 64 }),
    call("vaeBytes", memory.vaeBytes, whole(sdxl.vae.config), { height: 64, width: 64 }, 1, outline),
    call("chooseVaeSlices", memory.chooseVaeSlices, whole(sdxl.vae.config), { height: 64, width: 64 }, 1e9, outline),
    call("chooseVaeParts", memory.chooseVaeParts, whole(sdxl.vae.config), { height: 64, width: 64 }, 1e9, outline),
    call("letStop", memory.letStop, { pause: async () => {} }),

    call("beginTraining", training.beginTraining, model, { name: "adamw" }),
    call("createTrainState", training.createTrainState, sites, dims, 1, { controls: [], optimizer: { name: "adamw" } }),
    call("limitSites", training.limitSites, whole(training.createTrainState(sites, dims, 1).model), 1),
    call("scaleEffect", onCopy(training.scaleEffect), state, 1),
    call("trainedModel", training.trainedModel, state),
    call("saveTrainState", training.saveTrainState, training.LLLITE, state),
    call("loadTrainState", training.loadTrainState, training.LLLITE, whole(saved()), state.model),
    call("savedRunChunks", drained(training.savedRunChunks), { state, facts: new Map() }),
    call("readSavedRun", training.readSavedRun, runFile, config.layout),
    call(
      "unroundGradients",
      training.unroundGradients,
      whole({ exponents: new Int8Array(0), halves: new Uint16Array(0) }),
      new Float32Array(0),
    ),
    call("sumGroup", training.sumGroup, [{ loss: 1, gradients: new Float32Array(2) }], [1]),
    call("normaliseConditioners", onCopy(training.normaliseConditioners), state.model, [picture]),
    call("loadOptimizer", training.loadOptimizer, state.model.values, whole({ ...state.optimizer }), { name: "adamw" }),
    call(
      "processCaption",
      training.processCaption,
      "a",
      whole({ ...training.CAPTION_DEFAULTS }),
      whole({ ...createPythonRandom(1) }),
      { epoch: 1, step: 0, steps: 1 },
    ),
    call("createExampleCache", training.createExampleCache, sdxl, { seed: 1, captionChunks: 1 }),
    call("cacheDataset", drained(training.cacheDataset), sdxl, { count: 1, example: firstAlone }, { seed: 1 }),
    call(
      "train of core",
      drained(onCopy(training.train)),
      state,
      [{ width: 32, height: 32 }],
      {
        gradients: async ({ values }, tasks) =>
          tasks.map(() => ({ loss: 1, gradients: new Float32Array(values.length) })),
      },
      { steps: 1, batchSize: 1, learningRate: 1e-4, seed: 1 },
    ),
    call("objectiveLoss", training.objectiveLoss, sdxl, schedule, lllites, model32, rows, {}),
    call(
      "validationLosses",
      training.validationLosses,
      ...[sdxl, schedule, lllites, model32, { seed: 1, index: 0, example: cached }, {}],
    ),
    call("trainedLllite", training.trainedLllite, composed, state.model, whole({ of: () => undefined }), {}),
    call(
      "lossAndGradients",
      training.lossAndGradients,
      composed,
      sdxl.unet,
      placed,
      whole({ ...input }),
      (x) => tf.mean(x),
      {},
    ),
    call("defineOptimizer", training.defineOptimizer, whole({ ...training.OPTIMIZERS.adamw })),
    call(
      "memoryOf",
      training.memoryOf,
      whole({ ...training.OPTIMIZERS.adamw }),
      state.model,
      state.optimizer,
      settings,
    ),

    call("chunksNeeded", generation.chunksNeeded, tokenizer, { prompt: "a" }, { guided: true, prompts: {} }),
    call("encodeConditions", keep(generation.encodeConditions), sdxl, [{ prompt: "a" }], {
      guided: false,
      size: example.size,
      prompts: {},
    }),
    call("encodePictures", keep(generation.encodePictures), place, [picture], {}),
    call("decodePictures", drained(generation.decodePictures), sdxl, latents, { vaeSlices: 1 }),
    call("prepareAdapter", generation.prepareAdapter, place, { lllite, control: picture, strength: 1 }, 1),
    call("prepareControlNet", generation.prepareControlNet, composed, { controlNet: net, control: picture }, 1),
    call(
      "prepareRegions",
      generation.prepareRegions,
      sdxl,
      { masks: [picture], contexts: [tf.zeros([1, 77, config.contextDim])], weights: [[1]], loras: [{ lora }] },
      { width: 32, height: 32 },
      null,
    ),
    call("lorasTap", generation.lorasTap, composed, [{ lora, strength: 1 }]),
    call("startFromNoise", keep(generation.startFromNoise), plan, latents),
    call("startFromLatents", keep(generation.startFromLatents), plan, latents, latents, 0, 0),
    call("walkLatents", drained(generation.walkLatents), plan, async (x) => tf.clone(x), latents, {
      noise: () => latents,
    }),
    call("keepOutside", generation.keepOutside, { latents, mask: tf.zeros([1, 4, 4, 1]), unit: latents }, plan),
    call("createLatentDenoiser", generation.createLatentDenoiser, sdxl, conditions, plan, { guidanceScale: 1 }),
    call(
      "withComposedGuidance",
      diffusion.withComposedGuidance,
      { both: (x) => tf.clone(x), prompts: [], negatives: [] },
      { scale: 2, weights: [] },
    ),
  ]
  return { calls, close: () => opened.close() }
}

/** The verbs of ops. */
export async function verbCalls(own, { adapt, adaptGroup, ...joined }) {
  const entry = entryOf([2, 2], [1, 0, 0, 1])
  const vector = entryOf([2], [1, 1])
  const linear = whole(await own.load.linear(entry, vector))
  const conv = whole(await own.load.conv2d(entryOf([2, 2, 1, 1], [1, 0, 0, 1]), vector))
  const norm = whole(await own.load.norm(vector, vector))
  const table = whole(await own.load.table(entry))
  const x = tf.zeros([1, 2, 2])
  const picture = tf.zeros([1, 2, 2, 2])
  const [matrix, bias] = [tf.zeros([2, 2]), tf.zeros([2])]
  const convOptions = { stride: 1, padding: [0, 0, 0, 0] }
  const normOptions = { groups: 1, epsilon: 1e-5, silu: false }
  const heads = { heads: 1, causal: false }
  const dense = { weight: matrix, bias }
  const tail = { midDown: matrix, share: x, up: dense }
  const group = { values: tf.zeros([1, joined.adapterLayout(2, 2).size]), share: tf.zeros([1, 1, 2, 2]) }
  const keep =
    (run) =>
    (...args) =>
      freed(run(...args))
  const on = (name, ...args) => (own[name] === undefined ? [] : [call(`ops.${name}`, keep(own[name]), ...args)])
  const given = (name, ...args) => call(name, keep(joined[name]), own, ...args)
  return [
    call("ops.load.linear", own.load.linear, whole(entry), whole(vector)),
    call("ops.load.conv2d", own.load.conv2d, whole(entryOf([2, 2, 1, 1], [1, 0, 0, 1])), whole(vector)),
    call("ops.load.norm", own.load.norm, whole(vector), whole(vector)),
    call("ops.load.table", own.load.table, whole(entry)),
    ...on("linear", x, linear),
    ...on("linearPlus", x, linear, x),
    ...on("linearEach", x, [linear]),
    ...on("linearGeglu", x, linear),
    ...on("conv2d", picture, conv, convOptions),
    ...on("conv2dPlus", picture, conv, convOptions, picture),
    ...on("conv2dShift", picture, conv, convOptions, matrix),
    ...on("groupNorm", picture, norm, normOptions),
    ...on("groupNormBeside", picture, norm, normOptions),
    ...on("layerNorm", x, norm, 1e-5),
    ...on("layerNormBeside", x, norm, 1e-5),
    ...on("lookUp", table, [[0, 1]]),
    ...on("attention", x, x, x, heads),
    ...on("selfAttention", [x, x, x], [linear, linear, linear], heads),
    ...["geglu", "silu", "gelu", "quickGelu", "relu"].flatMap((name) => on(name, x)),
    ...on("upsample2x", picture),
    ...on("dense", x, matrix, bias, { inputGradient: true }),
    ...on("denseStack", x, { weight: tf.zeros([1, 2, 2]), bias }, { inputGradient: true }),
    ...on("adapt", x, dense, [tail], [[1]]),
    ...on("adaptGroup", x, group, [1]),
    ...(own.narrow === undefined ? [] : on("narrow", x)),
    ...(own.widen === undefined ? [] : on("widen", x)),
    call("adapt", keep(adapt), own, x, dense, [tail], [[1]]),
    call("adaptGroup", keep(adaptGroup), own, x, group, [1]),
    given("linearPlus", x, linear, x),
    given("linearEach", x, [linear]),
    given("linearGeglu", x, linear),
    given("conv2dPlus", picture, conv, convOptions, picture),
    given("conv2dShift", picture, conv, convOptions, matrix),
    given("groupNormBeside", picture, norm, normOptions),
    given("layerNormBeside", x, norm, 1e-5),
    given("selfAttention", [x, x, x], [linear, linear, linear], heads),
  ]
}

function entryOf(shape, values) {
  const bytes = new Uint8Array(Float32Array.from(values).buffer)
  return { name: "x", dtype: "F32", shape, read: async () => bytes.slice() }
}

/** Frees the tensors of a result. Inputs are used again. */
function freed(result) {
  if (result instanceof tf.Tensor) result.dispose()
  else if (result?.dispose !== undefined) result.dispose()
  return undefined
}

function drained(run) {
  return async (...args) => {
    const generator = run(...args)
    for await (const _ of generator);
  }
}

/** A state or a model with values of its own. All others stay as they are. */
function copyOf(given) {
  if (given?.values instanceof Float32Array) return { ...given, values: given.values.slice() }
  if (given?.model?.values instanceof Float32Array) return { ...given, model: copyOf(given.model) }
  return given
}
