import { enumerateSites } from "@lllite/format/selections"
import type { Scalar, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { cutControls, llliteTap, prepareControl } from "../src/models/lllite/adapter.ts"
import { disposeLllite, uploadLllite } from "../src/models/lllite/params.ts"
import { unet } from "../src/models/unet/unet.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import { VAE_FACTOR } from "../src/models/vae/config.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import { lossAndGradients } from "../src/training/gradients.ts"
import { trainedLllite } from "../src/training/lllite-trainable.ts"
import { elementwiseLoss, weightedMean } from "../src/training/loss.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { signalNhwc, toNchw } from "./layout.ts"
import type { LlliteReference, UnetSizes } from "./unet.ts"
import { controlOf, disposeInput, syntheticLllite, unetConfigOf, unetInput } from "./unet.ts"
import { loadSynthetic } from "./weights.ts"

/** full.json */
export interface FullReference {
  readonly tag: string
  readonly unet: UnetSizes
  readonly lllite: Omit<LlliteReference, "strength">
  readonly latent: readonly [number, number]
  readonly timesteps: readonly number[]
  /** The LLLite's tensors, in the order of `full.gradNorms`. */
  readonly gradNames: readonly string[]
}

/** The largest differences of results, relative to the greatest value. Gradient norms are relative to themselves. */
export interface FullTolerance {
  readonly output: number
  readonly siteNorm: number
  readonly tensorNorm: number
}

/**
 * For weights and products in float32, and for weights or products in 16 bits. The reference's weights are float32.
 * Rounding them changes gradients much more than outputs. With weights rounded to bfloat16, norms differ by 5.0 % at a
 * site and 15.3 % at a tensor. With float16 these are 3.7 % and 12.7 %. Weights held in 16 bits give the same numbers
 * to the two printed digits.
 */
export const FULL_TOLERANCE = {
  float32: { output: 1e-3, siteNorm: 1e-2, tensorNorm: 1e-2 },
  half: { output: 2e-2, siteNorm: 6e-2, tensorNorm: 2e-1 },
} as const satisfies Readonly<Record<string, FullTolerance>>

/** SDXL's U-Net at its real width, alone, with an LLLite, and one training step's loss and gradients. */
export async function runFull(
  reference: FullReference,
  tensors: ReferenceTensors,
  ops: Ops,
  { output, siteNorm, tensorNorm }: FullTolerance = FULL_TOLERANCE.float32,
): Promise<readonly CaseResult[]> {
  const { tag, latent, timesteps } = reference
  const config = unetConfigOf(reference.unet)
  const params = await loadSynthetic("SDXL's U-Net", buildUnet(config), ops.load)
  const unetCase = { tag, batch: timesteps.length, latent, timesteps }
  const input = unetInput(unetCase, config)
  const shape = [unetCase.batch, 3, VAE_FACTOR * latent[0], VAE_FACTOR * latent[1]] as const
  const images = await controlOf(`${tag}/control`, shape)
  const model = await syntheticLllite({ ...reference.lllite, strength: 1 }, enumerateSites(config.layout))
  const lllite = uploadLllite(model)
  const results: CaseResult[] = []

  const plain = unet(ops, params, input)
  results.push(compare("full.plain", await toNchw(plain), await tensors.readFloat32("full.plain"), output))
  plain.dispose()

  const control = prepareControl(ops, lllite, images)
  const steered = unet(ops, params, input, { tap: llliteTap(ops, lllite, control, 1) })
  results.push(compare("full.lllite", await toNchw(steered), await tensors.readFloat32("full.lllite"), output))
  steered.dispose()
  control.dispose()

  const cuts = cutControls(lllite, images)
  const target = signalNhwc(`${tag}/target`, [unetCase.batch, 4, ...latent])
  const lossOf = (prediction: Tensor4D): Scalar =>
    weightedMean(
      elementwiseLoss(prediction, target, "l2"),
      timesteps.map(() => 1),
    )
  const trained = trainedLllite(ops, model, cuts)
  const { loss, gradients } = await lossAndGradients(ops, params, trained, input, lossOf, {
    checkpointing: true,
  })
  trained.dispose()
  results.push(compare("full.loss", [loss], await tensors.readFloat32("full.loss"), output))
  const wanted = await tensors.readFloat32("full.gradNorms")
  const norms = new Map(
    model.slots.map(({ plan, name, offset, size }) => [
      `${plan.site.key}.${name}`,
      Math.hypot(...blockNorms(gradients.subarray(offset, offset + size))),
    ]),
  )
  const ours = reference.gradNames.map((name) => norms.get(name) ?? Number.NaN)
  results.push(...compareNorms(reference.gradNames, ours, wanted, siteNorm, tensorNorm))

  tf.dispose(target)
  cuts.dispose()
  disposeLllite(lllite)
  disposeInput(input)
  disposeParams(params)
  return results
}

/** A gradient that is smaller than its site's by this factor is rounding alone. */
const SILENT = 1e-5

/**
 * Compares gradients' norms site by site and tensor by tensor, each relative to itself. A tensor with rounding alone is
 * compared relative to its site's norm. One example is `up`'s bias before keys: it adds the same to every key, and
 * softmax cancels it.
 */
function compareNorms(
  names: readonly string[],
  ours: readonly number[],
  wanted: ArrayLike<number>,
  siteTolerance: number,
  tensorTolerance: number,
): CaseResult[] {
  const siteOf = (name: string): string => name.slice(0, name.indexOf("."))
  const bySite = (values: ArrayLike<number>): ReadonlyMap<string, number> => {
    const sums = new Map<string, number>()
    for (const [i, name] of names.entries()) {
      sums.set(siteOf(name), Math.hypot(sums.get(siteOf(name)) ?? 0, values[i] as number))
    }
    return sums
  }
  const [ourSites, wantedSites] = [bySite(ours), bySite(wanted)]
  const siteRatios = [...wantedSites].map(([site, value]) => (ourSites.get(site) as number) / value)
  const ratios = names.map((name, i) => {
    const value = wanted[i] as number
    const scale = Math.max(value, SILENT * (wantedSites.get(siteOf(name)) as number))
    return 1 + ((ours[i] as number) - value) / scale
  })
  const ones = (values: readonly number[]): number[] => values.map(() => 1)
  return [
    compare(`full.gradNorms (each of ${siteRatios.length} sites)`, siteRatios, ones(siteRatios), siteTolerance),
    compare(`full.gradNorms (each of ${ratios.length} tensors)`, ratios, ones(ratios), tensorTolerance),
  ]
}

/** Norms of parts, because a call takes a limited number of arguments. */
function blockNorms(values: Float32Array): number[] {
  const size = 1024
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    Math.hypot(...values.subarray(i * size, (i + 1) * size)),
  )
}
