import * as tf from "@tensorflow/tfjs-core"
import type { TextEncoderConfig } from "../src/models/clip/config.ts"
import { CONTEXT_LENGTH } from "../src/models/clip/prompt.ts"
import { encodeText } from "../src/models/clip/text-encoder.ts"
import type { TextEncoderParams } from "../src/models/clip/weights.ts"
import { buildText1, buildText2 } from "../src/models/clip/weights.ts"
import type { VaeConfig } from "../src/models/vae/config.ts"
import { LATENT_SCALE } from "../src/models/vae/config.ts"
import { decodeLatents, encodeImage } from "../src/models/vae/vae.ts"
import { buildVae } from "../src/models/vae/weights.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { signalNhwc, toNchw } from "./layout.ts"
import { loadSynthetic } from "./weights.ts"

interface TextPart {
  readonly config: { readonly hidden: number; readonly layers: number; readonly heads: number; readonly act: string }
}

/** text-vae.json */
export interface TextVaeReference {
  readonly tag: string
  readonly parts: {
    readonly text1: TextPart
    readonly text2: TextPart
    readonly vae: {
      readonly config: {
        readonly blockOutChannels: readonly number[]
        readonly layersPerBlock: number
        readonly latentChannels: number
      }
      /** `name [N, C, H, W]` */
      readonly image: string
      readonly z: string
    }
  }
}

/** CLIP's end token. The pooled state is read at the first one. */
const END_TOKEN = 49407

/** Both text encoders and the VAE. */
export async function runTextVae(
  reference: TextVaeReference,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const { text1, text2 } = textConfigsOf(reference)
  const load = ops.load.wide ?? ops.load
  const results: CaseResult[] = []
  const check = async (name: string, ours: Float32Array): Promise<void> => {
    results.push(compare(name, ours, await tensors.readFloat32(name)))
  }

  const first = await loadSynthetic("text encoder 1", buildText1(text1), load)
  const encoding1 = encodeText(ops, first, await readIds(tensors, "text1.ids"), END_TOKEN)
  await check("text1.penultimate", await encoding1.hidden.data<"float32">())

  for (const projection of ["checkpoint", "sd-scripts"] as const) {
    const second = await loadSynthetic("text encoder 2", buildText2(text2, { projection }), load)
    const { hidden, pooled } = encodeText(ops, second, await readIds(tensors, "text2.ids"), END_TOKEN)
    if (projection === "checkpoint") await check("text2.penultimate", await hidden.data<"float32">())
    const name = projection === "checkpoint" ? "text2.pooled" : "text2.pooledSdScripts"
    await check(name, (await pooled?.data<"float32">()) ?? new Float32Array())
    disposeParams(second)
    hidden.dispose()
    pooled?.dispose()
  }

  const vae = await loadSynthetic("a VAE", buildVae(vaeConfigOf(reference)), load)
  const image = namedSignal(reference.parts.vae.image)
  const posterior = encodeImage(ops, vae, image)
  await check("vae.mean", await toNchw(posterior.mean))
  await check("vae.logvar", await toNchw(posterior.logvar))
  const z = namedSignal(reference.parts.vae.z)
  const latents = tf.mul(z, LATENT_SCALE) as tf.Tensor4D
  const decoded = decodeLatents(ops, vae, latents)
  await check("vae.decoded", await toNchw(decoded))
  tf.dispose([encoding1.hidden, image, posterior.mean, posterior.logvar, z, latents, decoded])
  disposeParams(first)
  disposeParams(vae)
  return results
}

/** Both encoders' configs as the reference describes them. */
export function textConfigsOf(reference: TextVaeReference): { text1: TextEncoderConfig; text2: TextEncoderConfig } {
  const config = (
    { config: { hidden, layers, heads, act } }: TextPart,
    projection: number | null,
  ): TextEncoderConfig => ({
    width: hidden,
    layers,
    heads,
    activation: act === "quick_gelu" ? "quick-gelu" : "gelu",
    vocabulary: 49408,
    positions: CONTEXT_LENGTH,
    projection,
  })
  const { text1, text2 } = reference.parts
  return { text1: config(text1, null), text2: config(text2, text2.config.hidden) }
}

/** The VAE's config as the reference describes it. */
export function vaeConfigOf({ parts }: TextVaeReference): VaeConfig {
  const { blockOutChannels, layersPerBlock, latentChannels } = parts.vae.config
  return { channels: blockOutChannels, resBlocks: layersPerBlock, latentChannels }
}

/** The text encoders' params with synthetic weights. */
export async function loadTexts(
  reference: TextVaeReference,
  ops: Ops,
): Promise<{ text1: TextEncoderParams; text2: TextEncoderParams }> {
  const { text1, text2 } = textConfigsOf(reference)
  const load = ops.load.wide ?? ops.load
  return {
    text1: await loadSynthetic("text encoder 1", buildText1(text1), load),
    text2: await loadSynthetic("text encoder 2", buildText2(text2), load),
  }
}

/** A signal described as `name [N, C, H, W]`, with or without words after it. */
export function namedSignal(description: string): tf.Tensor4D {
  const [, name = "", shape = ""] = /^(\S+) \[([\d,]+)\]/.exec(description) ?? []
  return signalNhwc(name, shape.split(",").map(Number))
}

async function readIds(tensors: ReferenceTensors, name: string): Promise<number[][]> {
  const info = tensors.tensors.get(name)
  const [rows = 0, length = 0] = info?.shape ?? []
  const ids = new Int32Array(Uint8Array.from(await tensors.read(name)).buffer)
  return Array.from({ length: rows }, (_, row) => [...ids.subarray(row * length, (row + 1) * length)])
}
