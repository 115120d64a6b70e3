import type { AdapterDims, Site } from "@lllite/format"
import { dimsOf } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { checkChoice, checkKinds, type OptionKinds } from "../argument.ts"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import { GENERATE_RANGES } from "../generation/defaults.ts"
import { generate } from "../generation/generate.ts"
import type { RgbImage } from "../image.ts"
import type { Tokenizer } from "../models/clip/tokenizer.ts"
import type { LoadedControlNet } from "../models/controlnet/weights.ts"
import { loadControlNet } from "../models/controlnet/weights.ts"
import type { SdxlFiles } from "../models/layouts/parts.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { checkSites, layOutSlots } from "../models/lllite/layout.ts"
import { disposeLllite, uploadLllite } from "../models/lllite/params.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { loadSdxl } from "../models/sdxl.ts"
import { checkStop, letStop, type StopOptions } from "../models/steps.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import { checkRanges } from "../number-range.ts"
import type { Ops } from "../ops/ops.ts"
import { bytesOf } from "../params.ts"
import type { Tiling } from "../tiling.ts"
import { completeExample, createRowEncoder, rowOf } from "../training/example-row.ts"
import { LLLITE } from "../training/lllite-trainable.ts"
import { objective } from "../training/objective.ts"
import { controlNetOutline } from "./controlnet-outline.ts"
import type { Holding, OutlineBackend, Work } from "./outline-backend.ts"
import { withOutline } from "./outline-backend.ts"
import type { OutlineOptions } from "./outline-ops.ts"
import { checkFootprint, createOutlineOps } from "./outline-ops.ts"

/** A task for a model. */
export interface MemoryTask {
  readonly kind: "generate" | "train"
  /** Pixels, multiples of 32. */
  readonly width: number
  readonly height: number
  /** Pictures at once, in one generation or in one training step. Default: 1. */
  readonly batchSize?: number
  /** Whether a generation is guided, which doubles what the U-Net reads. Default: true. */
  readonly guided?: boolean
  /** Widths of the LLLite. Left out for a generation without one. */
  readonly lllite: AdapterDims | null
  /**
   * ControlNets of a generation, in 16 bits. They have as many blocks as the U-Net's way down. A ControlNet Union takes
   * under 1% more. Default: 0.
   */
  readonly controlNets?: number
  /** The sites of the LLLite. Default: the default selection. */
  readonly sites?: readonly Site[]
  /** Whether training runs blocks again in the backward pass. Default: true. */
  readonly checkpointing?: boolean
  /** Slices of rows into which the VAE cuts a picture. Default: 1. */
  readonly vaeSlices?: number
  /** Tiles of a generation, see `GenerateOptions`. Default: none */
  readonly tiles?: Tiling | null
  /** Tiles of the VAE in a generation, see `GenerateOptions`. Default: none */
  readonly vaeTiles?: Tiling | null
}

const TASK_KINDS: OptionKinds<MemoryTask> = {
  kind: "text",
  width: "a number",
  height: "a number",
  batchSize: "a number",
  guided: "true or false",
  lllite: "an object or null",
  controlNets: "a number",
  sites: "a list",
  checkpointing: "true or false",
  vaeSlices: "a number",
  tiles: "an object or null",
  vaeTiles: "an object or null",
}

const TASK_RANGES = {
  width: GENERATE_RANGES.width,
  height: GENERATE_RANGES.height,
  batchSize: GENERATE_RANGES.batchSize,
  vaeSlices: GENERATE_RANGES.vaeSlices,
  controlNets: { integer: true, min: 0, max: 64 },
} as const

/** How a runtime's ops take memory. */
export interface Footprint extends OutlineOptions {
  /** Ops of TensorFlow.js that replace outlines, for a runtime whose kernels do not fuse these steps. */
  readonly adjust?: (ops: Ops) => Ops
}

/** A part of a task, and the memory that the device holds in it, weights included. */
export interface MemoryPhase extends Holding {
  readonly name: "text and control" | "U-Net" | "VAE" | "text" | "training step"
  /** How often it runs. */
  readonly runs: number
  /** All its work, by kind of op. */
  readonly work: ReadonlyMap<string, Work>
}

/** The memory that a task takes on a device, in bytes. */
export interface MemoryPlan {
  readonly task: MemoryTask
  /** Frozen weights, which are held all the time. */
  readonly weights: {
    readonly text1: number
    readonly text2: number
    readonly unet: number
    readonly vae: number
    /** All ControlNets together. */
    readonly controlNets: number
  }
  readonly weightBytes: number
  readonly phases: readonly MemoryPhase[]
  /** The most that is held at one time, weights included. */
  readonly peakBytes: number
  readonly largestTensorBytes: number
}

/**
 * Computes the memory and the work of a task before anything is loaded. The whole task runs on a backend that computes
 * shapes only. So the plan always agrees with the code.
 *
 * Gradients of TensorFlow.js must be registered. No other code may compute with TensorFlow.js meanwhile.
 *
 * @param files names, dtypes and shapes of a checkpoint; its tensors are not read
 * @throws CoreError for what loading and the task refuse; the signal's reason when aborted
 */
export async function planMemory(
  files: WeightFile | SdxlFiles,
  task: MemoryTask,
  footprint: Footprint,
  stop: StopOptions = {},
): Promise<MemoryPlan> {
  checkKinds<MemoryTask>("memory", task, TASK_KINDS, ["kind", "width", "height"])
  checkChoice("memory", "kind", task.kind, ["generate", "train"])
  checkRanges("memory", { ...task }, TASK_RANGES)
  checkFootprint("memory", footprint)
  checkStop("memory", stop)
  const { adjust = (ops) => ops, ...options } = footprint
  return withOutline(options.pooled ?? false, async (backend) => {
    const sdxl = await loadSdxl(adjust(createOutlineOps(backend, options)), files, NO_WORDS)
    const { text1, text2, unet, vae } = sdxl
    const nets = await loadControlNets(sdxl, task)
    const weights = {
      ...{ text1: bytesOf(text1), text2: bytesOf(text2), unet: bytesOf(unet), vae: bytesOf(vae) },
      controlNets: nets.reduce((sum, { params }) => sum + bytesOf(params), 0),
    }
    backend.takeHolding()
    backend.takeWork()
    await letStop(stop)
    const phases = await (task.kind === "train"
      ? planTraining(backend, sdxl, task, stop)
      : planGeneration(backend, sdxl, task, nets))
    for (const net of nets) net.dispose()
    sdxl.dispose()
    return {
      task,
      weights,
      weightBytes: Object.values(weights).reduce((sum, bytes) => sum + bytes, 0),
      phases,
      peakBytes: Math.max(...phases.map(({ peakBytes }) => peakBytes)),
      largestTensorBytes: Math.max(...phases.map(({ largestBytes }) => largestBytes)),
    }
  })
}

/** The second step begins with the memory that the first has left. */
const STEPS = 2

async function loadControlNets(
  { ops, unet }: Sdxl,
  { kind, controlNets = 0 }: MemoryTask,
): Promise<readonly LoadedControlNet[]> {
  const nets: LoadedControlNet[] = []
  const count = kind === "generate" ? controlNets : 0
  while (nets.length < count) {
    const outline = await controlNetOutline(unet.config, "F16")
    nets.push(await loadControlNet(outline, ops.load, unet.config))
  }
  return nets
}

async function planGeneration(
  backend: OutlineBackend,
  sdxl: Sdxl,
  task: MemoryTask,
  nets: readonly LoadedControlNet[],
): Promise<MemoryPhase[]> {
  const { width, height, batchSize = 1, guided = true, vaeSlices = 1 } = task
  const { tiles = null, vaeTiles = null } = task
  const phases: MemoryPhase[] = []
  const leave = (name: MemoryPhase["name"], runs: number): void => void phases.push(takePhase(backend, name, runs))
  const model = modelOf(sdxl, task)
  const lllite = model === null ? null : uploadLllite(model)
  let step = 0
  // Text and controls are ready at the first trim. Before it, the text encoders pause between their layers.
  const trim = (): void => {
    sdxl.ops.trim?.()
    if (phases.length === 0) leave("text and control", 1)
  }
  for await (const event of generate(
    { ...sdxl, ops: { ...sdxl.ops, trim } },
    Array.from({ length: batchSize }, (_, seed) => ({ prompt: "", seed })),
    {
      ...{ width, height, vaeSlices, tiles, vaeTiles, steps: STEPS, guidanceScale: guided ? 7.5 : 1 },
      adapters: lllite === null ? [] : [{ lllite, control: blank(width, height) }],
      controlNets: nets.map(({ params }) => ({
        ...{ controlNet: params, control: blank(width, height) },
        ...(params.union === null ? {} : { controlType: "canny" as const }),
      })),
      // After the last step, this runs before the first decoding.
      pause: async () => {
        if (phases.length === 1 && step === STEPS) leave("U-Net", STEPS)
      },
    },
  )) {
    if (event.kind === "step") step = event.step
  }
  leave("VAE", batchSize)
  if (lllite !== null) disposeLllite(lllite)
  return phases
}

async function planTraining(
  backend: OutlineBackend,
  sdxl: Sdxl,
  task: MemoryTask,
  stop: StopOptions,
): Promise<MemoryPhase[]> {
  const phases: MemoryPhase[] = []
  await runTraining(sdxl, task, (name) => phases.push(takePhase(backend, name, 1)), stop)
  return phases
}

/**
 * Encodes a caption and a picture, and runs a step of a training. A run encodes captions apart from pictures, too.
 *
 * @param leave called after each of the three
 */
export async function runTraining(
  sdxl: Sdxl,
  task: MemoryTask,
  leave: (name: MemoryPhase["name"]) => void,
  stop: StopOptions = {},
): Promise<void> {
  const { width, height, batchSize = 1, checkpointing = true, vaeSlices = 1 } = task
  const picture = blank(width, height)
  const size = { original: [height, width], crop: [0, 0], target: [height, width] } as const
  const row = rowOf({ name: "picture", image: picture, control: picture, caption: "", size }, 0)
  const encode = createRowEncoder(sdxl, { seed: 0, vaeSlices: () => vaeSlices })
  const { text } = await encode({ ...row, picture: { latents: new Float32Array(0) } }, stop)
  leave("text")
  const encoded = await encode({ ...row, text }, stop)
  leave("VAE")
  // Latents of the control take as much. Their values make no difference here.
  const { latents: controlLatents } = encoded.picture
  const example = completeExample({ ...encoded, ...(task.lllite?.condInput === "latent" ? { controlLatents } : {}) })
  const model = modelOf(sdxl, task)
  if (model === null) return
  const examples = Array.from({ length: batchSize }, () => example)
  const options = { gradientCheckpointing: checkpointing }
  await objective(
    sdxl,
    createNoiseSchedule(),
    LLLITE,
    model,
    { seed: 0, step: 0, firstRow: 0, examples, ...stop },
    options,
  )
  leave("training step")
}

function takePhase(backend: OutlineBackend, name: MemoryPhase["name"], runs: number): MemoryPhase {
  return { name, runs, ...backend.takeHolding(), work: backend.takeWork() }
}

/** A new LLLite for a task. Null: the task has none. */
export function modelOf(
  { unet }: Pick<Sdxl, "unet">,
  { lllite, sites = enumerateSites(unet.config.layout) }: MemoryTask,
): LlliteModel | null {
  if (lllite === null) return null
  checkSites("memory", sites, unet.config.layout)
  const adapters = sites.map((site) => ({ site, ...dimsOf(lllite) }))
  const { slots, size } = layOutSlots(adapters)
  return { adapters, slots, values: new Float32Array(size) }
}

function blank(width: number, height: number): RgbImage {
  return { width, height, data: new Uint8Array(3 * width * height) }
}

/** Every prompt is padded to the same number of tokens. */
export const NO_WORDS: Tokenizer = { encode: () => [], vocabularySize: 49408, startId: 49406, endId: 49407 }
