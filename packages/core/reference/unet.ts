import type { Site, SiteTensorName } from "@lllite/format"
import type { SiteSelection } from "@lllite/format/selections"
import { enumerateSites } from "@lllite/format/selections"
import type { Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CONTEXT_LENGTH } from "../src/models/clip/prompt.ts"
import { cutControls, llliteTap, prepareControl } from "../src/models/lllite/adapter.ts"
import type { ControlImages } from "../src/models/lllite/conditioner.ts"
import type { LlliteModel } from "../src/models/lllite/layout.ts"
import { toFileLayout } from "../src/models/lllite/layout.ts"
import { fillLllite } from "../src/models/lllite/model.ts"
import { disposeLllite, uploadLllite } from "../src/models/lllite/params.ts"
import { chainTaps } from "../src/models/taps.ts"
import type { UnetConfig } from "../src/models/unet/config.ts"
import { vectorDimOf } from "../src/models/unet/config.ts"
import type { UnetParams } from "../src/models/unet/params.ts"
import type { UnetInput } from "../src/models/unet/unet.ts"
import { unet } from "../src/models/unet/unet.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import { VAE_FACTOR } from "../src/models/vae/config.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import { clipGradients } from "../src/training/clip-gradients.ts"
import type { LossAndGradients } from "../src/training/gradients.ts"
import { lossAndGradients } from "../src/training/gradients.ts"
import { trainedLllite } from "../src/training/lllite-trainable.ts"
import { elementwiseLoss, weightedMean } from "../src/training/loss.ts"
import { DEFAULT_OPTIMIZER, initOptimizer, loadOptimizer } from "../src/training/optimizers/index.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare, compareExactly } from "./case.ts"
import { signalNhwc, toNchw } from "./layout.ts"
import { llliteWeight, signal } from "./synthetic.ts"
import { loadSynthetic } from "./weights.ts"

/** An LLLite of a case. */
export interface LlliteReference {
  readonly prefix: string
  readonly condDim: number
  readonly mlpDim: number
  readonly strength: number
}

interface UnetCase {
  readonly tag: string
  readonly batch: number
  readonly latent: readonly [number, number]
  readonly timesteps: readonly number[]
  readonly controlBatch?: number
  /** Tags of the control images, one for each LLLite. Default: the case's tag. */
  readonly controls?: readonly string[]
  readonly selection?: string
  readonly lllite?: readonly LlliteReference[]
  readonly target?: string
}

/** The constants of sd-scripts that choose sites. */
type SelectionFlags = Readonly<Record<string, boolean | number | null>>

/** unet.json */
export interface UnetReference {
  readonly unet: UnetSizes
  readonly cases: Readonly<Record<string, UnetCase>>
  readonly selections: Readonly<
    Record<
      string,
      {
        readonly flags: SelectionFlags
        readonly sites: readonly { name: string; depth: number; conv: boolean; inDim: number }[]
      }
    >
  >
}

export interface UnetSizes {
  readonly channels: number
  readonly context: number
  readonly pooled: number
  readonly depth1: number
  readonly depth2: number
}

/**
 * The largest difference of updated values. AdamW's first update divides each gradient by its size. If a gradient is as
 * small as AdamW's epsilon of 1e-8, its rounding decides the update. Single values of correct implementations differed
 * by up to 0.9 % (a first gradient of 2.7e-9). All others differed by up to 0.03 %.
 */
const UPDATE_TOLERANCE = 2e-2

/** The config of a reference's sizes. */
export function unetConfigOf({ channels, context, pooled, depth1, depth2 }: UnetSizes): UnetConfig {
  return {
    layout: {
      modelChannels: channels,
      channelMult: [1, 2, 4],
      transformerDepth: [0, depth1, depth2],
      middleDepth: depth2,
    },
    contextDim: context,
    pooledDim: pooled,
    headDim: 64,
    inChannels: 4,
    outChannels: 4,
  }
}

/** The U-Net alone, with LLLites, on every selection of sites, and trained. */
export async function runUnet(
  reference: UnetReference,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const config = unetConfigOf(reference.unet)
  const results: CaseResult[] = Object.entries(reference.selections).map(([name, { flags, sites }]) =>
    compareSites(name, enumerateSites(config.layout, selectionOf(flags)), sites),
  )
  const params = await loadSynthetic("a U-Net", buildUnet(config), ops.load)
  for (const [name, unetCase] of Object.entries(reference.cases)) {
    const flags = unetCase.selection === undefined ? {} : (reference.selections[unetCase.selection]?.flags ?? {})
    const sites = enumerateSites(config.layout, selectionOf(flags))
    if (unetCase.target === undefined) results.push(await runForward(name, unetCase, sites, tensors, ops, params))
    else results.push(...(await runTraining(name, unetCase, sites, tensors, ops, params)))
  }
  disposeParams(params)
  return results
}

function selectionOf(flags: SelectionFlags): SiteSelection {
  const flag = (name: string, usual: boolean): boolean => {
    const value = flags[name]
    return typeof value === "boolean" ? value : usual
  }
  const most = flags.TRANSFORMER_MAX_BLOCK_INDEX
  return {
    inputBlocks: !flag("SKIP_INPUT_BLOCKS", false),
    middle: true,
    outputBlocks: !flag("SKIP_OUTPUT_BLOCKS", true),
    conv: !flag("SKIP_CONV2D", false),
    transformerOnly: flag("TRANSFORMER_ONLY", true),
    attentionOnly: flag("ATTN1_2_ONLY", true),
    qkvOnly: flag("ATTN_QKV_ONLY", true),
    attn1Etc: flag("ATTN1_ETC_ONLY", false),
    maxTransformerBlock: typeof most === "number" ? most : null,
  }
}

function compareSites(
  name: string,
  ours: readonly Site[],
  theirs: readonly { name: string; depth: number; conv: boolean; inDim: number }[],
): CaseResult {
  const text = (key: string, depth: number, conv: boolean, inDim: number): string => `${key} ${depth} ${conv} ${inDim}`
  const wanted = theirs.map((site) => text(site.name, site.depth, site.conv, site.inDim))
  const found = ours.map((site) => text(site.key, site.depth, site.conv, site.inDim))
  // Texts are compared by their index among the reference's.
  const place = (entry: string): number => wanted.indexOf(entry)
  return compareExactly(`unet.selection.${name}`, found.map(place), wanted.map(place))
}

/** The inputs of a case, made from its tag. */
export function unetInput(
  unetCase: Pick<UnetCase, "tag" | "batch" | "latent" | "timesteps">,
  config: UnetConfig,
): UnetInput {
  const { tag, batch, latent, timesteps } = unetCase
  const [height, width] = latent
  const vectorDim = vectorDimOf(config)
  const contextShape: [number, number, number] = [batch, CONTEXT_LENGTH, config.contextDim]
  return {
    latents: signalNhwc(`${tag}/latents`, [batch, 4, height, width]),
    timesteps,
    context: tf.tensor3d(signal(`${tag}/context`, contextShape), contextShape),
    vector: tf.tensor2d(signal(`${tag}/vector`, [batch, vectorDim]), [batch, vectorDim]),
  }
}

/** Control images from a signal of the shape [N, 3, 8h, 8w]. */
export async function controlOf(
  name: string,
  shape: readonly [number, number, number, number],
): Promise<ControlImages> {
  const [count, , height, width] = shape
  const picture = signalNhwc(name, shape)
  const data = await picture.data<"float32">()
  picture.dispose()
  return { count, height, width, data }
}

/** The synthetic LLLite of a case. */
export function syntheticLllite(lllite: LlliteReference, sites: readonly Site[]): Promise<LlliteModel> {
  const adapters = sites.map((site) => ({ site, condDim: lllite.condDim, mlpDim: lllite.mlpDim }))
  return fillLllite(adapters, ({ plan, name, fileShape }) =>
    llliteWeight(`${lllite.prefix}${plan.site.key}.`, name, fileShape),
  )
}

async function runForward(
  name: string,
  unetCase: UnetCase,
  sites: readonly Site[],
  tensors: ReferenceTensors,
  ops: Ops,
  params: UnetParams,
): Promise<CaseResult> {
  const input = unetInput(unetCase, params.config)
  const [height, width] = unetCase.latent
  const controls = unetCase.controls ?? [unetCase.tag]
  const applied = await Promise.all(
    (unetCase.lllite ?? []).map(async (lllite, i) => {
      const device = uploadLllite(await syntheticLllite(lllite, sites))
      const shape = [unetCase.controlBatch ?? unetCase.batch, 3, VAE_FACTOR * height, VAE_FACTOR * width] as const
      const control = prepareControl(ops, device, await controlOf(`${controls[i]}/control`, shape))
      return { device, control, tap: llliteTap(ops, device, control, lllite.strength) }
    }),
  )
  const tap = chainTaps(applied.map(({ tap }) => tap))
  const prediction = unet(ops, params, input, { tap })
  const ours = await toNchw(prediction)
  disposeInput(input)
  prediction.dispose()
  for (const { device, control } of applied) {
    disposeLllite(device)
    control.dispose()
  }
  return compare(name, ours, await tensors.readFloat32(name))
}

async function runTraining(
  name: string,
  unetCase: UnetCase,
  sites: readonly Site[],
  tensors: ReferenceTensors,
  ops: Ops,
  params: UnetParams,
): Promise<CaseResult[]> {
  const [height, width] = unetCase.latent
  const [lllite] = unetCase.lllite ?? []
  if (lllite === undefined) return [{ case: name, skipped: "the case trains no LLLite" }]
  const model = await syntheticLllite(lllite, sites)
  const input = unetInput(unetCase, params.config)
  const images = await controlOf(`${unetCase.tag}/control`, [
    unetCase.batch,
    3,
    VAE_FACTOR * height,
    VAE_FACTOR * width,
  ])
  const target = signalNhwc(unetCase.target ?? "", [unetCase.batch, 4, height, width])
  const gradient = async (checkpointing: boolean): Promise<LossAndGradients> => {
    const device = uploadLllite(model)
    const control = cutControls(device, images)
    const loss = (prediction: Tensor4D): tf.Scalar =>
      weightedMean(
        elementwiseLoss(prediction, target, "l2"),
        input.timesteps.map(() => 1),
      )
    const trained = trainedLllite(ops, model, control)
    const result = await lossAndGradients(ops, params, trained, input, loss, { checkpointing })
    trained.dispose()
    control.dispose()
    disposeLllite(device)
    return result
  }

  const results: CaseResult[] = []
  for (const [label, checkpointing] of [
    ["", false],
    [" (checkpointing)", true],
  ] as const) {
    const { loss, gradients } = await gradient(checkpointing)
    const norm = clipGradients([gradients.slice()], Number.MAX_VALUE)
    results.push(compare(`${name}.grad.loss${label}`, [loss], await tensors.readFloat32(`${name}.grad.loss`)))
    results.push(compare(`${name}.grad.norm${label}`, [norm], await tensors.readFloat32(`${name}.grad.norm`)))
    results.push(...(await compareTensors(`${name}.grad`, label, tensors, model, gradients)))
  }

  // Six updates from `up` at zero.
  for (const { name: tensor, offset, size } of model.slots) {
    if (tensor.startsWith("up.")) model.values.fill(0, offset, offset + size)
  }
  const losses: number[] = []
  const state = initOptimizer(DEFAULT_OPTIMIZER)
  const optimizer = loadOptimizer(model.values, state, DEFAULT_OPTIMIZER)
  const wanted = await tensors.readFloat32(`${name}.losses`)
  while (losses.length < wanted.length) {
    const { loss, gradients } = await gradient(false)
    losses.push(loss)
    clipGradients([gradients], 1)
    await optimizer.step(gradients, 1e-3)
  }
  results.push(compare(`${name}.losses`, losses, wanted))
  const after = `${name}.after${wanted.length}`
  results.push(...(await compareTensors(after, "", tensors, model, model.values, UPDATE_TOLERANCE)))
  disposeInput(input)
  target.dispose()
  return results
}

/** Compares every tensor of the LLLite that the reference stores as `what/site.tensor`. */
async function compareTensors(
  what: string,
  label: string,
  tensors: ReferenceTensors,
  model: LlliteModel,
  flat: Float32Array,
  tolerance?: number,
): Promise<CaseResult[]> {
  const slots = new Map(
    model.slots.map((slot) => [`${what}/${slot.plan.site.key}.${slot.name satisfies SiteTensorName}`, slot]),
  )
  const results: CaseResult[] = []
  for (const key of tensors.tensors.keys()) {
    if (!key.startsWith(`${what}/`)) continue
    const slot = slots.get(key)
    // A tensor that the LLLite lacks is compared with nothing, which is an infinite error.
    const values = slot && toFileLayout(flat.subarray(slot.offset, slot.offset + slot.size), slot.fileShape)
    results.push(compare(`${key}${label}`, values ?? [], await tensors.readFloat32(key), tolerance))
  }
  return results
}

export function disposeInput({ latents, context, vector }: UnetInput): void {
  tf.dispose([latents, context, vector] satisfies (Tensor4D | Tensor3D | Tensor2D)[])
}
