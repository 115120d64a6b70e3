import { layOutSlots } from "@lllite/core/models"
import { initOptimizer, LLLITE, loadOptimizer, OPTIMIZERS, type OptimizerRule, settingsOf } from "@lllite/core/training"
import type { AdapterDims, Site } from "@lllite/format"
import { DTYPE_BITS } from "@lllite/format"
import type { TrainNeed } from "@lllite/runtime-node"
import { planTrain, readTrainState, withPath } from "@lllite/runtime-node"
import { openLllite } from "../../lllite-file/open-lllite.ts"
import { checkCheckpoint } from "../../model/checkpoint.ts"
import { formOf } from "../adapter-form.ts"
import { encodedBytes } from "../run.ts"
import { type SaveRhythm, saveRhythms } from "../save-rhythm.ts"
import type { TrainSettings } from "../settings.ts"
import { sitesOf } from "../sites.ts"
import type { StepPlan } from "../step-plan.ts"
import { largestBatchParts, planSteps } from "../step-plan.ts"
import type { TrainingSet } from "../validation/hold-out.ts"
import { drawnPictures } from "./drawn-pictures.ts"
import { type Encodings, planEncoding } from "./plan-encoding.ts"
import { planExamples } from "./plan-examples.ts"

/** What a training would do and take. Bytes, and seconds. */
export interface RunPlan extends Pick<StepPlan, "steps" | "perEpoch"> {
  readonly pictures: number
  readonly batchSize: number
  readonly sizes: readonly string[]
  readonly sites: number
  readonly values: number
  readonly backend: string
  readonly threads: number
  readonly seconds: { readonly encoding: number; readonly step: number; readonly steps: number }
  /** The most that the process holds in each phase. */
  readonly memory: readonly { readonly phase: string; readonly bytes: number }[]
  readonly availableBytes: number
  /** Changes that need less memory, with the most bytes then. Empty if the run fits. */
  readonly smaller: readonly { readonly change: string; readonly bytes: number }[]
  /** `caches`: bytes of the files of latents and encoded captions, also of those that are there already. */
  readonly disk: { readonly files: number; readonly states: number; readonly bytes: number; readonly caches: number }
  /** Pictures that are drawn of the run in all. Their time is not planned. */
  readonly drawn: number
  /** What each other process gets and sends in a step, in bytes, without pictures. Null: the run has one process. */
  readonly exchange: { readonly ranks: number; readonly received: number; readonly sent: number } | null
}

/** Copies of the LLLite's values that a run holds: they, those before the update, gradients of parts and their sums. */
const VALUE_COPIES = 6

/**
 * Plans a run. The backend starts, and no weights of a large model are loaded.
 *
 * @throws as `planTrain`
 */
export async function planRun(settings: TrainSettings, dataset: TrainingSet, signal: AbortSignal): Promise<RunPlan> {
  const config = await checkCheckpoint(settings.model)
  const adapters = await adaptersOf(settings, config.layout)
  const { slots, size: values } = layOutSlots(adapters)
  const { steps, perEpoch } = planSteps(settings, dataset)
  const { batchSize, pictures } = dataset
  const [width, height] = largest(dataset)
  const [first] = adapters
  const need = (rows: number, checkpointing: boolean): Promise<TrainNeed> =>
    planTrain(
      settings.model,
      settings.runtime,
      {
        ...{ rows, width, height, checkpointing },
        lllite: first === undefined ? formOf(settings) : first,
        sites: adapters.map(({ site }) => site),
        ...(settings.vaeSlices === undefined ? {} : { vaeSlices: settings.vaeSlices }),
      },
      signal,
    )
  const { parts, rows } = largestBatchParts(dataset, settings.batchParts)
  const found = await need(rows, settings.gradientCheckpointing)
  const optimizerBytes = stateBytes(settings, { adapters, slots, values: new Float32Array(values) })
  const averageBytes = settings.ema === null ? 0 : 4 * values
  const readsControlLatents = adapters.some(({ condInput }) => condInput === "latent")
  const examples = planExamples(dataset, { ...settings, readsControlLatents }, config, encodedBytes())
  const kept = examples.memory
  // What float16 leaves out of each part of a step.
  const lanes = settings.partPrecision === "float16" ? settings.gradientAccumulationSteps * parts : 0
  const feedbackBytes = 4 * values * lanes
  const stateOfRun = 4 * values + optimizerBytes + averageBytes + feedbackBytes
  // A save copies the state to the main thread, and makes the bytes of a file.
  const host = (VALUE_COPIES - 1) * 4 * values + 2 * stateOfRun + 4 * values + feedbackBytes + kept
  const memoryOf = ({ baseBytes, phases }: TrainNeed): RunPlan["memory"] =>
    phases.map(({ name, bytes }) => ({
      phase: name,
      bytes: baseBytes + bytes + (name === "training step" ? host : kept),
    }))
  const memory = memoryOf(found)
  const most = (list: RunPlan["memory"]): number => Math.max(...list.map(({ bytes }) => bytes))
  const availableBytes = process.availableMemory() + process.memoryUsage.rss()
  const changes = [
    ...(settings.gradientCheckpointing ? [] : [["gradient_checkpointing", rows] as const]),
    ...(rows === 1
      ? []
      : [[`train_batch_size 1, gradient_accumulation_steps ${batchSize}, gradient_checkpointing`, 1] as const]),
  ]
  const smaller: RunPlan["smaller"][number][] = []
  for (const [change, ofRows] of most(memory) <= availableBytes ? [] : changes) {
    smaller.push({ change, bytes: most(memoryOf(await need(ofRows, true))) })
  }
  // Ranks may join at any time, so the seconds are those of this process alone.
  const perBatch = Math.ceil(parts / found.threads) * found.seconds.part
  const { before, perRow } = await planEncoding(dataset, { seed: settings.seed, readsControlLatents, signal })
  const encodingOf = ({ texts, pictures }: Encodings): number =>
    (texts * settings.captionChunks * found.seconds.text + pictures * found.seconds.picture) / found.threads
  const encoding = encodingOf(before)
  const update = updateSeconds(settings, values)
  const step = settings.gradientAccumulationSteps * (perBatch + batchSize * encodingOf(perRow)) + update
  return {
    ...{ steps, perEpoch, pictures, batchSize, values, availableBytes, smaller, memory },
    sizes: [...new Set(dataset.sizes.map(({ width, height }) => `${width}x${height}`))],
    sites: adapters.length,
    ...{ backend: found.backend, threads: found.threads },
    seconds: { encoding, step, steps: steps * step },
    disk: { ...diskOf(settings, { steps, perEpoch }, values, stateOfRun), caches: examples.disk },
    drawn: await drawnPictures(settings, dataset, { steps, perEpoch }),
    exchange: exchangeOf(settings, values, parts),
  }
}

type Adapter = AdapterDims & { readonly site: Site }

/** The adapters that the run begins with. */
async function adaptersOf(settings: TrainSettings, layout: Parameters<typeof sitesOf>[0]): Promise<readonly Adapter[]> {
  const { networkWeights, resume } = settings
  if (resume !== undefined) return (await readTrainState(resume, layout)).state.model.adapters
  if (networkWeights === undefined)
    return sitesOf(layout, settings.sites).map((site) => ({ site, ...formOf(settings) }))
  const { sites } = await withPath(networkWeights, openLllite)
  return sites.map((site) => ({ site, ...site }))
}

function largest({ sizes }: TrainingSet): readonly [width: number, height: number] {
  const [first = { width: 0, height: 0 }] = [...sizes].sort((a, b) => b.width * b.height - a.width * a.height)
  return [first.width, first.height]
}

/** Bytes of what the optimizer keeps. */
function stateBytes({ optimizer }: TrainSettings, model: Parameters<typeof LLLITE.parts>[0]): number {
  const { name, ...options } = optimizer
  const rule = OPTIMIZERS[name] as unknown as OptimizerRule
  const known = settingsOf(rule, options)
  const parts = { values: model.values, parts: LLLITE.parts(model) }
  const lists = Object.values(rule.lists?.(parts, known) ?? {}).reduce((sum, { length }) => sum + 4 * length, 0)
  return lists + Object.values(rule.bytes?.(parts, known) ?? {}).reduce((sum, length) => sum + length, 0)
}

/** Seconds of an update, measured on some values. */
function updateSeconds({ optimizer }: TrainSettings, values: number): number {
  const some = new Float32Array(Math.min(values, 2 ** 18)).fill(0.5)
  const update = loadOptimizer(some.slice(), initOptimizer(optimizer), optimizer)
  update.step(some, 1e-4)
  const start = performance.now()
  update.step(some, 1e-4)
  const seconds = (performance.now() - start) / 1000
  update.dispose()
  return (seconds * values) / some.length
}

/**
 * What a rank gets and sends. For each of its parts that is the LLLite, and a gradient of its size.
 *
 * @param parts of the largest batch
 */
function exchangeOf(
  { ranks, gradientAccumulationSteps: batches, partPrecision }: TrainSettings,
  values: number,
  parts: number,
): RunPlan["exchange"] {
  if (ranks === null) return null
  // The number of those that join may be unknown: it is at least one then.
  const processes = Math.max(2, ranks.count)
  const ofRank = Math.ceil((batches * parts) / processes)
  const sentBits = partPrecision === "float16" ? 16 : 32
  return { ranks: processes - 1, received: 4 * values * ofRank, sent: (sentBits / 8) * values * ofRank }
}

/** The files that a run writes. Those that it removes again are not counted twice. */
function diskOf(
  settings: TrainSettings,
  { steps, perEpoch }: Pick<StepPlan, "steps" | "perEpoch">,
  values: number,
  stateBytes: number,
): Omit<RunPlan["disk"], "caches"> {
  const { saveEvery, saveState, saveStateOnTrainEnd, dtype } = settings
  /** Files of a rhythm that stay at the same time. */
  const kept = ({ unit, count, every }: SaveRhythm, isState: boolean): number => {
    const ofSteps = unit === "steps"
    const lastFile = ofSteps ? settings.saveLastNSteps : settings.saveLastNEpochs
    const lastState = (ofSteps ? settings.saveLastNStepsState : settings.saveLastNEpochsState) ?? lastFile
    const last = isState ? lastState : lastFile
    const periodic = Math.max(0, Math.ceil(steps / every) - 1)
    if (last === undefined) return periodic
    // The number of a file that stays is within the last ones.
    return Math.min(periodic, ofSteps ? Math.floor(last / every) + 1 : Math.max(1, Math.floor(last / count)))
  }
  const rhythms = saveRhythms(saveEvery, { steps, perEpoch })
  const sum = (isState: boolean): number => rhythms.reduce((total, rhythm) => total + kept(rhythm, isState), 0)
  const files = sum(false) + 1
  const states = (saveState ? sum(true) : 0) + (saveState || saveStateOnTrainEnd ? 1 : 0)
  return { files, states, bytes: (files * values * DTYPE_BITS[dtype]) / 8 + states * stateBytes }
}
