import * as tf from "@tensorflow/tfjs-core"
import type { Client } from "../channel/client.ts"
import { createClient } from "../channel/client.ts"
import type { Server, TaskTable } from "../channel/server.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import { CoreError } from "../errors.ts"
import { chunksNeeded } from "../generation/conditions.ts"
import { GENERATE_DEFAULTS } from "../generation/defaults.ts"
import { checkRequest } from "../generation/request.ts"
import { isCutCaption } from "../models/clip/caption-length.ts"
import { promptNotices } from "../models/clip/prompt-notices.ts"
import { readTextualInversion, tokenizerOf } from "../models/clip/textual-inversion.ts"
import type { LoadedControlNet } from "../models/controlnet/weights.ts"
import { layOutSlots } from "../models/lllite/layout.ts"
import type { LlliteParams } from "../models/lllite/params.ts"
import { disposeLllite, uploadLllite } from "../models/lllite/params.ts"
import { isDora } from "../models/lora/file-modules.ts"
import type { LiveLora } from "../models/lora/live-lora.ts"
import { loadLiveLora } from "../models/lora/live-lora.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { VaePicture } from "../models/vae/slice-sizes.ts"
import { isGuided } from "../prompt/composed.ts"
import { checkPromptOptions } from "../prompt/options.ts"
import type { HelpTasks, RuntimeTasks, RuntimeTypes, SentEncodeOptions } from "../runtime/tasks.ts"
import { createExampleMemo } from "../training/example-memo.ts"
import { completeExample, createRowEncoder } from "../training/example-row.ts"
import { type FinalGradient, joinRanges } from "../training/gradients.ts"
import { LLLITE } from "../training/lllite-trainable.ts"
import { validationLosses } from "../training/validation-loss.ts"
import { generateBatch } from "./generation.ts"
import { loadControlNetWatched } from "./loading.ts"
import type { RunningBackend, WorkerPlace } from "./place.ts"
import { shareArrays, shareUnshared } from "./shared-memory.ts"
import { createShelf } from "./shelf.ts"
import type { RunRows } from "./training.ts"
import { beginRun, partOf, trainRun } from "./training.ts"
import type { PartsOf } from "./vae-parts.ts"
import { createParts, tilesNotice, vaePartsOf } from "./vae-parts.ts"

/** A loaded SDXL. */
interface Model<Checkpoint> {
  readonly sdxl: Sdxl
  /** Where its files are. */
  readonly from: Checkpoint
  readonly schedule: NoiseSchedule
  readonly partsOf: PartsOf
}

/**
 * The tasks of a runtime's worker, which has one backend with its models, adapters and runs.
 *
 * @param server gives the server of these tasks, which serves other workers, too
 */
export function createRuntimeTasks<Types extends RuntimeTypes>(
  place: WorkerPlace<Types>,
  server: () => Server,
): TaskTable<RuntimeTasks<Types>> {
  const models = createShelf<Model<Types["checkpoint"]>>("SDXL", ({ sdxl }) => sdxl.dispose())
  const adapters = createShelf<LlliteParams>("adapter", disposeLllite)
  const controlNets = createShelf<LoadedControlNet>("ControlNet", (net) => net.dispose())
  const loras = createShelf<LiveLora>("LoRA", (lora) => lora.dispose())
  const runs = new Map<number, RunRows>()
  const helpers: Client<RuntimeTasks<RuntimeTypes>>[] = []
  /** Puts data into memory that other threads can read, if there are other threads. */
  const shared = <T>(value: T): T => (place.isShared ? shareArrays(value) : value)
  const sharedRow = <T>(row: T): T => (place.isShared ? shareUnshared(row) : row)
  let running: RunningBackend | null = null
  const rowsOf = (
    run: number,
    { sdxl, partsOf }: Pick<Model<unknown>, "sdxl" | "partsOf">,
    { vaeSlices, ...encoding }: SentEncodeOptions,
  ): RunRows => {
    const slices =
      vaeSlices === null ? async (picture: VaePicture) => (await partsOf(picture)).vaeSlices : () => vaeSlices
    const found = runs.get(run) ?? {
      encode: createRowEncoder(sdxl, { ...encoding, vaeSlices: slices }),
      memo: createExampleMemo(),
      rows: new Map(),
    }
    runs.set(run, found)
    return found
  }

  return {
    // biome-ignore lint/correctness/useYield: one answer
    async *start(argument) {
      running = await place.start(argument)
      const { backend, version, device, notices } = running
      return { backend, version, device, notices }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *listen({ port }) {
      server().listen(port)
      port.start()
      return null
    },

    async *lead({ ports }) {
      for (const port of ports) {
        const client = createClient<RuntimeTasks<RuntimeTypes>>(port, { CoreError })
        port.addEventListener("close", () =>
          client.fail(new CoreError("worker-ended", "runtime: a worker has ended that was needed")),
        )
        port.start()
        helpers.push(client)
      }
      return null
    },

    async *load({ model, from }, context) {
      const sdxl = yield* place.load(from, context)
      const { prediction, zeroTerminalSnr = false, notices = [] } = sdxl
      const schedule = createNoiseSchedule({ zeroTerminalSnr })
      models.put(model, { sdxl, from, schedule, partsOf: createParts(place, sdxl) })
      return { layout: sdxl.unet.config.layout, prediction, zeroTerminalSnr, notices }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *unload({ model }) {
      models.remove(model)
      return null
    },

    async *loadAdapter({ adapter, layout, from }, context) {
      const model =
        "model" in from
          ? { ...from.model, slots: layOutSlots(from.model.adapters).slots }
          : yield* place.readAdapter(from.file, layout, context)
      adapters.put(adapter, uploadLllite(model))
      const { adapters: plans, notices = [] } = model
      return { adapters: plans, notices }
    },

    async *readTextualInversion({ file, name }, context) {
      const opened = yield* place.openAddition(file, "textual-inversion", context)
      try {
        return await readTextualInversion(opened.file, name ?? fileStem(opened.file.label))
      } finally {
        await opened.close()
      }
    },

    async *loadLora({ lora, model, file }, context) {
      const { value, release } = models.use(model)
      try {
        const { ops, unet, text1, text2 } = value.sdxl
        const opened = yield* place.openAddition(file, "lora", context)
        try {
          const configs = { unet: unet.config, text1: text1.config, text2: text2.config }
          const base = isDora(opened.file) ? yield* place.openSdxl(value.from, context) : null
          try {
            const loaded = await loadLiveLora(ops.load, opened.file, configs, base?.files ?? null)
            loras.put(lora, loaded)
            return { notices: loaded.notices }
          } finally {
            await base?.close()
          }
        } finally {
          await opened.close()
        }
      } finally {
        release()
      }
    },

    async *loadControlNet({ controlNet, model, file }, context) {
      const { value, release } = models.use(model)
      try {
        const opened = yield* place.openAddition(file, "controlnet", context)
        try {
          const loaded = yield* loadControlNetWatched(value.sdxl, opened.file, context)
          controlNets.put(controlNet, loaded)
          return { notices: loaded.notices }
        } finally {
          await opened.close()
        }
      } finally {
        release()
      }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *unloadControlNet({ controlNet }) {
      controlNets.remove(controlNet)
      return null
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *unloadLora({ lora }) {
      loras.remove(lora)
      return null
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *promptNotices({ model, prompts, options, textualInversions }) {
      const { value, release } = models.use(model)
      try {
        checkPromptOptions("generate: prompts", options)
        return promptNotices(value.sdxl.tokenizer, prompts, options, textualInversions)
      } finally {
        release()
      }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *unloadAdapter({ adapter }) {
      adapters.remove(adapter)
      return null
    },

    async *countChunks({
      model,
      requests,
      options: {
        guidanceScale = GENERATE_DEFAULTS.guidanceScale,
        prompts = {},
        textualInversions = [],
        negativeParts = null,
      },
    }) {
      const { value, release } = models.use(model)
      try {
        checkPromptOptions("generate: prompts", prompts)
        const tokenizer = tokenizerOf(value.sdxl.tokenizer, textualInversions, prompts.compat)
        return requests.map((request) =>
          chunksNeeded(tokenizer, request, {
            ...{ guided: isGuided([request], { guidanceScale, prompts }), prompts, negativeParts },
          }),
        )
      } finally {
        release()
      }
    },

    async *generate({ model, requests, options }, context) {
      const used: { release(): void }[] = []
      const hold = <T extends { release(): void }>(use: T): T => {
        used.push(use)
        return use
      }
      try {
        const { sdxl, partsOf } = hold(models.use(model)).value
        const { adapters: sent, controlNets: sentNets, loras: sentLoras, previews = false, ...settings } = options
        const nets = sentNets.map(({ controlNet, ...use }) => ({
          ...use,
          controlNet: hold(controlNets.use(controlNet)).value.params,
        }))
        const live = sentLoras.map(({ lora, ...use }) => ({ ...use, lora: hold(loras.use(lora)).value }))
        const rest = { ...settings, controlNets: nets, loras: live }
        const uses = sent.map(({ adapter, ...use }) => ({ ...use, lllite: hold(adapters.use(adapter)).value }))
        // Parts are planned for valid sizes only.
        checkRequest(requests, { ...rest, adapters: uses })
        const parts = await vaePartsOf(options, partsOf)
        if (parts.vaeTiles !== null && options.vaeTiles == null)
          yield { kind: "notice", text: tilesNotice(parts.vaeTiles) }
        return yield* generateBatch(sdxl, requests, { ...rest, ...parts, previews }, uses, context)
      } finally {
        for (const use of used) use.release()
      }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *encode({ model, run, row, caption, encoding }, context) {
      const { value, release } = models.use(model)
      try {
        const { captionChunks, weightedCaptions } = encoding
        const isCut = isCutCaption(value.sdxl.tokenizer, caption, captionChunks, weightedCaptions)
        return { row: sharedRow(await rowsOf(run, value, encoding).encode(row, context)), isCut }
      } finally {
        release()
      }
    },

    async *supply({ model, run, encoding, rows }) {
      const { value, release } = models.use(model)
      try {
        rowsOf(run, value, encoding).rows = new Map(
          [...rows].map(([batch, list]) => [batch, list.map((row) => sharedRow(row))]),
        )
        return null
      } finally {
        release()
      }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *gradient({ model, run, encoding, lllite, task, rows, objective, into, progress }, context) {
      const { value, release } = models.use(model)
      try {
        const { slots } = layOutSlots(lllite.adapters)
        const from = { ...value, kept: rowsOf(run, value, encoding) }
        const { seed } = encoding
        const onFinal = into === null || progress === null ? undefined : tellFinal(into, progress)
        const watched = { ...context, onFinal }
        const { gradients, ...rest } = await partOf(from, { ...lllite, slots }, seed, task, rows, objective, watched)
        into?.set(gradients)
        return { ...rest, gradients: into ?? shared(gradients) }
      } finally {
        progress?.close()
        release()
      }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *losses({ model, run, encoding, lllite, row, index, objective }, context) {
      const { value, release } = models.use(model)
      try {
        const { encode, memo } = rowsOf(run, value, encoding)
        const example = completeExample(await encode(row, context))
        const held = { seed: encoding.seed, index, example, memo, ...context }
        const { adapters, values } = lllite ?? { adapters: [], values: new Float32Array(0) }
        const sent = { adapters, values, slots: layOutSlots(adapters).slots }
        return await validationLosses(value.sdxl, value.schedule, LLLITE, sent, held, objective)
      } finally {
        release()
      }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *begin({ controls, options }) {
      return beginRun(controls, options)
    },

    async *train({ model, run, encoding, sizes, controls, options, help }, context) {
      const { value, release } = models.use(model)
      try {
        const state = shared(beginRun(controls, options))
        const outside = help === null ? null : createClient<HelpTasks>(help, { CoreError })
        help?.start()
        const helped = { clients: helpers, outside, model, run, encoding }
        const { loadOptimizer } = running ?? {}
        const from = { ...value, kept: rowsOf(run, value, encoding), loadOptimizer }
        return yield* trainRun(from, state, helped, { sizes, controls }, options, context)
      } finally {
        release()
      }
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *forget({ run }) {
      runs.delete(run)
      return null
    },

    // biome-ignore lint/correctness/useYield: one answer
    async *memory() {
      const {
        numTensors,
        numBytes,
        numBytesAllocatedInGPU = numBytes,
      } = tf.memory() as tf.MemoryInfo & {
        // Of the WebGPU backend.
        readonly numBytesAllocatedInGPU?: number
      }
      return { tensors: numTensors, bytes: numBytes, allocated: numBytesAllocatedInGPU }
    },
  }
}

/** Writes final gradients in their places, and posts the ranges of these. */
function tellFinal(into: Float32Array, progress: MessagePort): (gradients: readonly FinalGradient[]) => void {
  return (gradients) => {
    const ranges: [from: number, to: number][] = []
    for (const { values, places } of gradients) {
      let from = 0
      for (const { offset, size } of places) {
        into.set(values.subarray(from, from + size), offset)
        ranges.push([offset, offset + size])
        from += size
      }
    }
    progress.postMessage(joinRanges(ranges))
  }
}

/** The name of a file without folders and ending. */
function fileStem(label: string): string {
  const [name = label] = /[^\\/]+$/.exec(label) ?? []
  return name.replace(/\.[^.]+$/, "")
}
