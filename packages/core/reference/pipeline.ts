import { enumerateSites } from "@lllite/format/selections"
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Network } from "../src/diffusion/denoiser.ts"
import { createDenoiser } from "../src/diffusion/denoiser.ts"
import { withGuidance } from "../src/diffusion/guidance.ts"
import type { SamplerName } from "../src/diffusion/names.ts"
import type { AdapterControl } from "../src/generation/adapter-settings.ts"
import type { PreparedAdapter } from "../src/generation/adapters.ts"
import { tapAt } from "../src/generation/adapters.ts"
import { planSampling } from "../src/generation/plan-sampling.ts"
import { startFromNoise } from "../src/generation/start.ts"
import { walkLatents } from "../src/generation/walk-latents.ts"
import { createWindowReader } from "../src/generation/window.ts"
import type { Tokenizer } from "../src/models/clip/tokenizer.ts"
import { prepareControl } from "../src/models/lllite/adapter.ts"
import { disposeLllite, uploadLllite } from "../src/models/lllite/params.ts"
import { conditionVector, encodePrompts } from "../src/models/text.ts"
import { unet } from "../src/models/unet/unet.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import { decodeLatents } from "../src/models/vae/vae.ts"
import { buildVae } from "../src/models/vae/weights.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { fromNchw, toNchw } from "./layout.ts"
import { normal } from "./synthetic.ts"
import type { TextVaeReference } from "./text-vae.ts"
import { loadTexts, vaeConfigOf } from "./text-vae.ts"
import type { LlliteReference, UnetReference } from "./unet.ts"
import { controlOf, syntheticLllite, unetConfigOf } from "./unet.ts"
import { loadSynthetic } from "./weights.ts"

/** pipeline.json. The networks are those of unet.json and text-vae.json. */
export interface PipelineReference {
  readonly prompt: string
  readonly negative: string
  readonly size: readonly [width: number, height: number]
  readonly steps: number
  readonly guidanceScale: number
  /** `normal(NAME,[N,C,H,W]) * initNoiseSigma` */
  readonly start: string
  /** `NAME [N,C,H,W]` */
  readonly control: string
  readonly lllite: LlliteReference
  /** `strength 1 on steps 1, 2, 3 of 0..5, else 0` */
  readonly window: string
}

/** The largest difference of a whole pipeline. */
const PIPELINE_TOLERANCE = 2e-3

/** Prompt to picture, with every sampler and use of the adapter in the reference. */
export async function runPipeline(
  reference: PipelineReference,
  unetReference: UnetReference,
  textVae: TextVaeReference,
  tensors: ReferenceTensors,
  tokenizer: Tokenizer,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  const check = async (name: string, ours: Float32Array, tolerance?: number): Promise<void> => {
    results.push(compare(name, ours, await tensors.readFloat32(name), tolerance))
  }
  const [width, height] = reference.size
  const config = unetConfigOf(unetReference.unet)
  const params = await loadSynthetic("a U-Net", buildUnet(config), ops.load)
  const vae = await loadSynthetic("a VAE", buildVae(vaeConfigOf(textVae)), ops.load.wide ?? ops.load)
  const texts = await loadTexts(textVae, ops)

  const { context, pooled } = encodePrompts(ops, { tokenizer, ...texts }, [reference.negative, reference.prompt])
  const size = { original: [height, width], crop: [0, 0], target: [height, width] } as const
  const vector: Tensor2D = conditionVector(pooled, [size, size])
  await check("pipe.context", await context.data<"float32">())
  await check("pipe.vector", await vector.data<"float32">())

  const lllite = uploadLllite(await syntheticLllite(reference.lllite, enumerateSites(config.layout)))
  const [, controlName = "", controlShape = ""] = /^(\S+) \[([\d,]+)\]/.exec(reference.control) ?? []
  const images = await controlOf(controlName, controlShape.split(",").map(Number) as [number, number, number, number])
  const control = prepareControl(ops, lllite, images)
  const active = /steps ([\d, ]+)/.exec(reference.window)?.[1]?.split(",").map(Number) ?? []
  const { strength } = reference.lllite
  // A window by counting: from the first of these steps to the one after the last.
  const [start, end] = [Math.min(...active) / reference.steps, (Math.max(...active) + 1) / reference.steps]
  const uses: Readonly<Record<string, AdapterControl>> = {
    plain: { strength: 0 },
    lllite: { strength },
    window: { strength, start, end, windowBy: "comfyui" },
  }
  const [, startName = "", startShape = ""] = /^normal\((.+?),\[([\d,]+)\]\)/.exec(reference.start) ?? []
  const shape = startShape.split(",").map(Number)
  const noise = fromNchw(normal(startName, shape), shape)

  for (const name of tensors.tensors.keys()) {
    const [, samplerName, use = ""] = /^pipe\.(.+)\.(\w+)\.latents$/.exec(name) ?? []
    if (samplerName === undefined) continue
    const settings = uses[use]
    if (settings === undefined) {
      results.push({ case: name, skipped: `no use of an adapter is called "${use}"` })
      continue
    }
    const plan = planSampling({ steps: reference.steps, sampler: samplerName as SamplerName })
    const windowsAt = createWindowReader(plan.schedule, plan.sampler.name)
    const prepared: PreparedAdapter = { use: { lllite, control: [], ...settings }, control, mask: null, dispose() {} }
    const network: Network = (input, position) => {
      const tap = tapAt(ops, [prepared], windowsAt(position), "chain")
      const latents = input as Tensor4D
      const timesteps = Array.from({ length: latents.shape[0] }, () => position.timestep)
      return unet(ops, params, { latents, timesteps, context, vector }, { tap })
    }
    const denoise = createDenoiser(withGuidance(network, reference.guidanceScale), {
      prediction: "epsilon",
      timestepOf: plan.levels.timestepOf,
    })
    const start = startFromNoise(plan, noise as Tensor4D)
    const latents = await walked(walkLatents(plan, denoise, start))
    await check(name, await toNchw(latents), PIPELINE_TOLERANCE)
    const imageName = `pipe.${samplerName}.${use}.image`
    if (tensors.tensors.has(imageName)) {
      const image = decodeLatents(ops, vae, latents)
      const thinned = tf.stridedSlice(image, [0, 0, 0, 0], image.shape, [1, 4, 4, 1])
      await check(imageName, await toNchw(thinned), PIPELINE_TOLERANCE)
      tf.dispose([image, thinned])
    }
    tf.dispose([start, latents])
  }
  tf.dispose([context, pooled, vector, noise])
  control.dispose()
  disposeLllite(lllite)
  for (const tree of [params, vae, texts]) disposeParams(tree)
  return results
}

/** The end of a walk. */
async function walked(walk: AsyncGenerator<unknown, Tensor4D, void>): Promise<Tensor4D> {
  for (;;) {
    const next = await walk.next()
    if (next.done === true) return next.value
  }
}
