import * as tf from "@tensorflow/tfjs-core"
import { rescaleGuidance } from "../src/diffusion/guidance.ts"
import { type CaseResult, compare, type ReferenceTensors, readTensor } from "./case.ts"
import { type KDiffusionReference, runKDiffusion } from "./k-diffusion.ts"
import { runSamplers, type SamplerReference, schedulesOf } from "./samplers.ts"
import { signal } from "./synthetic.ts"

/** samplers.json */
export interface SamplersReference extends KDiffusionReference {
  readonly schedule: Parameters<typeof schedulesOf>[0]
  readonly samplers: Readonly<Record<string, SamplerReference>>
  readonly aysTimesteps: readonly number[]
  readonly aysSigmas: readonly number[]
}

/** Compares all of diffusers' samplers, k-diffusion's functions and levels, restart, and the rescaling of guidance. */
export async function runSamplerGroup(
  reference: SamplersReference,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const { tag, samplers, aysTimesteps: timesteps, aysSigmas: sigmas } = reference
  return [
    ...(await runSamplers(tag, samplers, schedulesOf(reference.schedule), tensors, { timesteps, sigmas })),
    ...(await runKDiffusion(reference, tensors)),
    await rescaleCase(tag, tensors),
  ]
}

async function rescaleCase(tag: string, tensors: ReferenceTensors): Promise<CaseResult> {
  const want = await readTensor(tensors, RESCALED)
  const [guided, text] = [`${tag}/rescale/cfg`, `${tag}/rescale/text`].map((name) => signal(name, want.shape))
  const ours = tf.tidy(() => {
    const [scaled, cond] = [guided, text].map((values) => tf.tensor(values as Float32Array, [...want.shape]))
    return rescaleGuidance(tf.mul(scaled as tf.Tensor, 3), cond as tf.Tensor, 0.7)
  })
  const values = await ours.data<"float32">()
  ours.dispose()
  return compare(RESCALED, values, want.values)
}

const RESCALED = "guidanceRescale.0.7"
