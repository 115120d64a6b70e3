import { enumerateSites } from "@lllite/format/selections"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Network } from "../src/diffusion/denoiser.ts"
import { createDenoiser } from "../src/diffusion/denoiser.ts"
import { withGuidance } from "../src/diffusion/guidance.ts"
import { passRows } from "../src/diffusion/pass-position.ts"
import { findSampler, finish, startFactor } from "../src/diffusion/samplers/index.ts"
import { createNoiseSchedule } from "../src/diffusion/schedule.ts"
import { noiseLevels } from "../src/diffusion/sigmas.ts"
import { SIZE_EMBEDDING_DIM, sizeEmbedding } from "../src/diffusion/size-embedding.ts"
import type { PreparedControlNet } from "../src/generation/control-nets.ts"
import { residualsAt } from "../src/generation/control-nets.ts"
import { controlNet } from "../src/models/controlnet/controlnet.ts"
import { embedHint } from "../src/models/controlnet/hint.ts"
import type { ControlNetParams } from "../src/models/controlnet/params.ts"
import { residualScales, scaleResiduals, sumResiduals, tidyResiduals } from "../src/models/controlnet/residuals.ts"
import { loadControlNet } from "../src/models/controlnet/weights.ts"
import { llliteTap, prepareControl } from "../src/models/lllite/adapter.ts"
import { disposeLllite, uploadLllite } from "../src/models/lllite/params.ts"
import { NO_TAP } from "../src/models/taps.ts"
import type { UnetConfig } from "../src/models/unet/config.ts"
import type { UnetParams } from "../src/models/unet/params.ts"
import type { UnetInput } from "../src/models/unet/unet.ts"
import { unet } from "../src/models/unet/unet.ts"
import { buildUnet } from "../src/models/unet/weights.ts"
import type { WeightFile } from "../src/models/weight-reader.ts"
import type { Ops } from "../src/ops/ops.ts"
import { disposeParams } from "../src/params.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { fromNchw, probe, signalNhwc, toNchw } from "./layout.ts"
import { normal, signal, weight } from "./synthetic.ts"
import type { LlliteReference, UnetReference } from "./unet.ts"
import { controlOf, syntheticLllite, unetConfigOf } from "./unet.ts"
import { loadSynthetic } from "./weights.ts"

type NetName = "one" | "two"

interface ForwardCase {
  readonly key: string
  readonly nets?: readonly { readonly net: NetName; readonly scale: number; readonly image: string }[]
  readonly guessMode?: boolean
  readonly lllite?: readonly (LlliteReference & { readonly control: string })[]
}

interface PipeCase {
  readonly key: string
  readonly pipeline: true
  readonly nets: readonly NetName[]
  readonly sampler: "EulerDiscreteScheduler" | "DDIMScheduler"
  readonly controlnet_conditioning_scale: readonly number[]
  readonly control_guidance_start?: readonly number[]
  readonly control_guidance_end?: readonly number[]
  readonly guess_mode?: boolean
}

interface UnionCase {
  readonly key: string
  /** The control type of each picture. */
  readonly union: readonly number[]
  readonly images: readonly string[]
  readonly scale: number
}

type Keys = Readonly<Record<string, readonly [original: string, shape: readonly number[]]>>

/** controlnet.json */
export interface ControlNetReference {
  readonly tag: string
  readonly prefixes: Readonly<Record<NetName, string>>
  readonly latent: readonly [height: number, width: number]
  readonly batch: number
  readonly timestep: number
  readonly sizeRows: readonly (readonly number[])[]
  readonly cases: readonly (ForwardCase | PipeCase | UnionCase)[]
  readonly keys: { readonly keys: Keys }
  readonly union: { readonly prefix: string; readonly extraKeys: Readonly<Record<string, readonly number[]>> }
}

/**
 * Widths of the layers that read the control picture. The case gives none, so `ControlNetUnionModel` takes its own
 * default, which is not that of `ControlNetModel`.
 */
const UNION_HINT_WIDTHS = [48, 96, 192, 384] as const

/** The largest difference of a whole pipeline. */
const PIPELINE_TOLERANCE = 2e-3
const STEPS = 6
const GUIDANCE = 5

/** ControlNets beside the tiny U-Net: residuals, outputs and whole pipelines. */
export async function runControlNet(
  reference: ControlNetReference,
  unetReference: UnetReference,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const config = unetConfigOf(unetReference.unet)
  const params = await loadSynthetic("a U-Net", buildUnet(config), ops.load)
  const { keys } = reference.keys
  const load = async (prefix: string, names: Names) =>
    (await loadControlNet(netFile(prefix, keys, names), ops.load, config)).params
  const nets = {
    one: await load(reference.prefixes.one, "diffusers"),
    two: await load(reference.prefixes.two, "original"),
  }
  const { prefix, extraKeys } = reference.union
  const unionKeys = withHintWidths(keys, UNION_HINT_WIDTHS)
  const ownKeys = Object.entries(extraKeys).map(([name, shape]) => [name, [name, shape]] as const)
  const unionFile = netFile(prefix, { ...unionKeys, ...Object.fromEntries(ownKeys) }, "diffusers")
  const { params: union } = await loadControlNet(unionFile, ops.load, config)
  const input = batchInput(reference)
  const results: CaseResult[] = []
  for (const one of reference.cases) {
    if ("pipeline" in one) results.push(await runPipe(reference, one, nets, params, tensors, ops))
    else if ("union" in one) results.push(await runUnion(reference, one, union, params, input, tensors, ops))
    else results.push(...(await runForward(reference, one, nets, params, input, tensors, ops)))
  }
  tf.dispose([input.latents, input.context, input.vector])
  for (const tree of [params, nets.one, nets.two, union]) disposeParams(tree)
  return results
}

/** The same keys, with other widths of the layers that read the control picture. */
function withHintWidths(keys: Keys, widths: readonly number[]): Keys {
  const [first = 1] = widths
  const at = "controlnet_cond_embedding"
  const layers: readonly (readonly [name: string, inDim: number, outDim: number])[] = [
    [`${at}.conv_in`, 3, first],
    ...widths.slice(1).flatMap((width, i) => {
      const before = widths[i] ?? first
      return [[`${at}.blocks.${2 * i}`, before, before] as const, [`${at}.blocks.${2 * i + 1}`, before, width] as const]
    }),
    [`${at}.conv_out`, widths.at(-1) ?? first, keys["conv_in.weight"]?.[1][0] ?? 0],
  ]
  const shapes = layers.flatMap(([name, inDim, outDim]) => [
    [`${name}.weight`, [name, [outDim, inDim, 3, 3]]] as const,
    [`${name}.bias`, [name, [outDim]]] as const,
  ])
  return { ...keys, ...Object.fromEntries(shapes) }
}

type Names = "diffusers" | "original"

/** A ControlNet whose weights come from the names of diffusers, whatever names the file has. */
function netFile(prefix: string, keys: Keys, names: Names): WeightFile {
  const all = [...Object.entries(keys).map(([name, [original, shape]]) => [name, original, shape] as const)]
  const entries = all.map(([name, original, shape]) => {
    const stored = names === "original" ? `control_model.${original}` : name
    const read = async (): Promise<Uint8Array> => new Uint8Array(weight(prefix + name, shape).buffer)
    return [stored, { name: stored, dtype: "F32" as const, shape, read }] as const
  })
  return { label: prefix, entries: new Map(entries) }
}

const sizesOf = (row: readonly number[]): Float32Array => {
  const [height = 0, width = 0, top = 0, left = 0, targetHeight = 0, targetWidth = 0] = row
  return sizeEmbedding({ original: [height, width], crop: [top, left], target: [targetHeight, targetWidth] })
}

function batchInput({ tag, batch, latent, timestep, sizeRows }: ControlNetReference): UnetInput {
  return {
    latents: signalNhwc(`${tag}/control/latents`, [batch, 4, ...latent]),
    timesteps: Array.from({ length: batch }, () => timestep),
    context: tf.tensor3d(signal(`${tag}/control/context`, [batch, 77, 64]), [batch, 77, 64]),
    vector: tf.tidy(() => withSizes(tf.tensor2d(signal(`${tag}/control/pooled`, [batch, 40]), [batch, 40]), sizeRows)),
  }
}

function withSizes(pooled: Tensor, rows: readonly (readonly number[])[]): tf.Tensor2D {
  const sizes = tf.stack(rows.map((row) => tf.tensor1d(sizesOf(row), "float32"))).reshape([-1, SIZE_EMBEDDING_DIM])
  return tf.concat([pooled, sizes], 1) as tf.Tensor2D
}

/** The embedding of `(u(name) + 1) / 2`, of the first `count` pictures. */
function hintOf(ops: Ops, net: ControlNetParams, name: string, latent: readonly [number, number], count: number) {
  return tf.tidy(() => {
    const shape = [2, 3, 8 * latent[0], 8 * latent[1]]
    const picture = tf.div(tf.add(signalNhwc(name, shape), 1), 2)
    return embedHint(ops, net, tf.slice(picture, [0, 0, 0, 0], [count, -1, -1, -1]) as Tensor4D)
  })
}

async function runForward(
  reference: ControlNetReference,
  { key, nets: uses = [], guessMode = false, lllite = [] }: ForwardCase,
  nets: Readonly<Record<NetName, ControlNetParams>>,
  params: UnetParams,
  input: UnetInput,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const { latent, batch } = reference
  const results: CaseResult[] = []
  const found = uses.map(({ net, scale, image }) => {
    return tidyResiduals(() => {
      const residuals = controlNet(ops, nets[net], input, [
        { embedding: hintOf(ops, nets[net], image, latent, batch), type: 0 },
      ])
      return scaleResiduals(residuals, residualScales(residuals.skips.length + 1, scale, guessMode))
    })
  })
  const [first] = found
  for (const [i, residual] of [...(first?.skips ?? []), ...(first === undefined ? [] : [first.middle])].entries()) {
    const name = `${key}.residual.${i === first?.skips.length ? "mid" : i}`
    if (!tensors.tensors.has(name)) continue
    results.push(
      compare(`controlnet/${name}`, probe(await toNchw(residual), residual.shape[2]), await tensors.readFloat32(name)),
    )
  }
  const steered = lllite.length === 0 ? null : await steer(lllite, params.config, latent, ops)
  const residuals = sumResiduals(found)
  const output = unet(ops, params, input, {
    tap: steered?.tap ?? NO_TAP,
    ...(residuals === null ? {} : { residuals }),
  })
  results.push(compare(`controlnet/${key}`, await toNchw(output), await tensors.readFloat32(key)))
  tf.dispose([output, ...found.flatMap(({ skips, middle }) => [...skips, middle])])
  if (residuals !== null) tf.dispose([...residuals.skips, residuals.middle].filter((one) => one !== null))
  steered?.dispose()
  return results
}

async function runUnion(
  { latent, batch }: ControlNetReference,
  { key, union: types, images, scale }: UnionCase,
  net: ControlNetParams,
  params: UnetParams,
  input: UnetInput,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<CaseResult> {
  const output = tf.tidy(() => {
    const hints = images.map((image, i) => ({
      embedding: hintOf(ops, net, image, latent, batch),
      type: types[i] ?? 0,
    }))
    const found = controlNet(ops, net, input, hints)
    const residuals = scaleResiduals(found, residualScales(found.skips.length + 1, scale, false))
    return unet(ops, params, input, { residuals })
  })
  const result = compare(`controlnet/${key}`, await toNchw(output), await tensors.readFloat32(key))
  output.dispose()
  return result
}

async function steer(
  [lllite]: readonly (LlliteReference & { readonly control: string })[],
  config: UnetConfig,
  [height, width]: readonly [number, number],
  ops: Ops,
) {
  if (lllite === undefined) return null
  const device = uploadLllite(await syntheticLllite(lllite, enumerateSites(config.layout)))
  const control = prepareControl(
    ops,
    device,
    await controlOf(`${lllite.control}/control`, [1, 3, 8 * height, 8 * width]),
  )
  return {
    tap: llliteTap(ops, device, control, lllite.strength),
    dispose() {
      control.dispose()
      disposeLllite(device)
    },
  }
}

async function runPipe(
  { tag, latent }: ControlNetReference,
  pipe: PipeCase,
  nets: Readonly<Record<NetName, ControlNetParams>>,
  params: UnetParams,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<CaseResult> {
  const at = `${tag}/control/pipe`
  const [height, width] = latent
  const rowOf = (name: string, shape: number[]): Tensor => tf.tensor(signal(`${at}/${name}`, shape), shape)
  const sides = [8 * height, 8 * width, 0, 0, 8 * height, 8 * width]
  const [context, vector] = tf.tidy(() => [
    tf.concat([rowOf("negativeContext", [1, 77, 64]), rowOf("context", [1, 77, 64])]) as tf.Tensor3D,
    withSizes(tf.concat([rowOf("negativePooled", [1, 40]), rowOf("pooled", [1, 40])]), [sides, sides]),
  ])
  const uses = pipe.nets.map((name, i): PreparedControlNet => {
    const hint = hintOf(ops, nets[name], `${tag}/control/image${name === "one" ? 1 : 2}`, latent, 1)
    const image = { width: 8 * width, height: 8 * height, data: new Uint8Array() }
    const strength = pipe.controlnet_conditioning_scale[i] ?? 1
    const use = { controlNet: nets[name], control: image, strength, guessMode: pipe.guess_mode === true }
    return { use, hint, mask: null, dispose: () => hint.dispose() }
  })
  const rows = passRows(1, true)
  const network: Network = (read, { timestep, step }) => {
    const latents = read as Tensor4D
    const input = { latents, timesteps: [timestep, timestep], context, vector }
    // diffusers keeps a net in a step that lies wholly inside of its window.
    const active = uses.filter((_, i) => {
      const [start = 0, end = 1] = [pipe.control_guidance_start?.[i], pipe.control_guidance_end?.[i]]
      return step / STEPS >= start && (step + 1) / STEPS <= end
    })
    return tf.tidy(() => {
      const residuals = residualsAt(ops, active, input, { window: () => 1, rows })
      return unet(ops, params, input, residuals === null ? {} : { residuals })
    })
  }
  const sampler = findSampler(pipe.sampler === "DDIMScheduler" ? "ddim" : "euler")
  const levels = noiseLevels(createNoiseSchedule(), STEPS, sampler.spacing)
  const denoise = createDenoiser(withGuidance(network, GUIDANCE), {
    prediction: "epsilon",
    timestepOf: levels.timestepOf,
  })
  const start = tf.tidy(() => {
    const noise = fromNchw(normal(`${at}/start`, [1, 4, height, width]), [1, 4, height, width])
    return tf.mul(noise, startFactor(sampler, levels.sigmas[0] ?? 0)) as Tensor4D
  })
  const final = (await finish(sampler.sample(denoise, start, levels.sigmas))) as Tensor4D
  const ours = await toNchw(final)
  tf.dispose([context, vector, start, final])
  for (const use of uses) use.dispose()
  return compare(`controlnet/${pipe.key}`, ours, await tensors.readFloat32(pipe.key), PIPELINE_TOLERANCE)
}
