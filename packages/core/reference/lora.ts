import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import type { TextEncoderConfig } from "../src/models/clip/config.ts"
import { encodeText } from "../src/models/clip/text-encoder.ts"
import { buildText1, buildText2, loadText1, loadText2 } from "../src/models/clip/weights.ts"
import type { SdxlFiles } from "../src/models/layouts/parts.ts"
import { llliteTap, prepareControl } from "../src/models/lllite/adapter.ts"
import { disposeLllite, uploadLllite } from "../src/models/lllite/params.ts"
import { type LiveLora, loadLiveLora, loraTap } from "../src/models/lora/live-lora.ts"
import { mergeLoras } from "../src/models/lora/merged-parts.ts"
import type { LoraModule, LoraTensor } from "../src/models/lora/module-delta.ts"
import { mergedWeight } from "../src/models/lora/module-delta.ts"
import { type LoraTensorName, loraTensorPlace } from "../src/models/lora/module-names.ts"
import { loraTargets } from "../src/models/lora/targets.ts"
import { chainTaps, type Tap } from "../src/models/taps.ts"
import type { UnetParams } from "../src/models/unet/params.ts"
import { unet } from "../src/models/unet/unet.ts"
import { buildUnet, loadUnet } from "../src/models/unet/weights.ts"
import type { WeightFile } from "../src/models/weight-reader.ts"
import type { Ops } from "../src/ops/ops.ts"
import type { WeightEntry } from "../src/ops/weight-entry.ts"
import { disposeParams } from "../src/params.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { toNchw } from "./layout.ts"
import { signal, u, weight } from "./synthetic.ts"
import type { TextVaeReference } from "./text-vae.ts"
import { textConfigsOf } from "./text-vae.ts"
import type { UnetReference } from "./unet.ts"
import { controlOf, disposeInput, syntheticLllite, unetConfigOf, unetInput } from "./unet.ts"
import { syntheticFile } from "./weights.ts"

/** lora.json */
export interface LoraReference {
  readonly tag: string
  readonly ids1: readonly (readonly number[])[]
  readonly ids2: readonly (readonly number[])[]
  readonly cases: readonly {
    readonly key: string
    readonly loras: readonly { readonly file: string; readonly multiplier: number; readonly mode: "live" | "merged" }[]
    readonly lllite: boolean
    readonly text: boolean
    readonly unet: boolean
  }[]
  readonly files: Readonly<Record<string, LoraFile>>
  readonly diffusersNames: { readonly old: Names; readonly peft: Names }
  readonly kohyaDiffusersNames: { readonly names: Names }
  readonly modules: readonly {
    readonly key: string
    readonly kind: "linear" | "conv3"
    readonly alpha: number
    readonly shapes: Readonly<Record<string, readonly number[]>>
  }[]
}

/** Names in another layout, by the names of kohya's modules. */
type Names = Readonly<Record<string, string>>

interface LoraFile {
  readonly prefix: string
  readonly alpha: number | null
  readonly modules: readonly string[] | null
  readonly ranks: { readonly linearAnd1x1: number; readonly conv3x3: number | null }
  readonly count: number
}

const END_TOKEN = 49407
const LATENT = [16, 16] as const

/**
 * LoRAs merged into the tiny SDXL or beside its layers, and single modules of LyCORIS.
 *
 * @param options `only` names the cases of whole networks. Default: all of them
 */
export async function runLora(
  reference: LoraReference,
  unetReference: UnetReference,
  textVae: TextVaeReference,
  tensors: ReferenceTensors,
  ops: Ops,
  { only }: { readonly only?: readonly string[] } = {},
): Promise<readonly CaseResult[]> {
  const config = unetConfigOf(unetReference.unet)
  const { text1, text2 } = textConfigsOf(textVae)
  const unetFile = await syntheticFile(buildUnet(config))
  const files: SdxlFiles = {
    unet: unetFile,
    vae: unetFile,
    text1: await syntheticFile(buildText1(text1)),
    text2: await syntheticFile(buildText2(text2)),
  }
  const results: CaseResult[] = []
  const check = async (name: string, ours: ArrayLike<number>): Promise<void> => {
    results.push(compare(`lora/${name}`, ours, await tensors.readFloat32(name)))
  }
  const { cases, tag } = reference
  for (const { key, loras, lllite, ...parts } of cases) {
    if (only !== undefined && !only.includes(key)) continue
    const uses = loras.map(({ file, multiplier, mode }) => ({
      ...{ file: loraFile(reference, file, files), strength: multiplier, mode },
    }))
    const merged = mergeLoras(
      files,
      uses.filter(({ mode }) => mode === "merged"),
    ).files
    const live: { readonly lora: LiveLora; readonly strength: number }[] = []
    for (const { file, strength, mode } of uses) {
      if (mode === "live") {
        live.push({ lora: await loadLiveLora(ops.load, file, { unet: config, text1, text2 }), strength })
      }
    }
    const taps = live.map(({ lora, strength }) => loraTap(ops, lora, { strength }))
    if (parts.unet) {
      const params = await loadUnet(merged.unet, ops.load)
      const input = unetInput({ tag: `${tag}/lora`, batch: 2, latent: LATENT, timesteps: [500, 37] }, config)
      const steered = lllite ? await steer(`${tag}/lora/lllite`, params, ops) : null
      const tap = chainTaps([...taps, ...(steered === null ? [] : [steered.tap])])
      const output = unet(ops, params, input, { tap })
      await check(`${key}.unet`, await toNchw(output))
      disposeInput(input)
      output.dispose()
      steered?.dispose()
      disposeParams(params)
    }
    if (parts.text) await checkText(check, key, reference, merged, chainTaps(taps), text1, text2, ops)
    for (const { lora } of live) lora.dispose()
  }
  results.push(...compareNames(reference, files))
  for (const module of reference.modules) results.push(...(await runModuleCase(reference.tag, module, tensors)))
  return results
}

/** The LLLite of a case, which stands before the layers that the LoRA changes. */
async function steer(name: string, { config }: UnetParams, ops: Ops): Promise<{ tap: Tap; dispose(): void }> {
  const sites = enumerateSites(config.layout)
  const device = uploadLllite(await syntheticLllite({ prefix: `${name}/`, condDim: 8, mlpDim: 16, strength: 1 }, sites))
  const control = prepareControl(ops, device, await controlOf(`${name}/control`, [1, 3, 8 * LATENT[0], 8 * LATENT[1]]))
  return {
    tap: llliteTap(ops, device, control, 1),
    dispose() {
      disposeLllite(device)
      control.dispose()
    },
  }
}

async function checkText(
  check: (name: string, ours: ArrayLike<number>) => Promise<void>,
  key: string,
  { ids1, ids2 }: LoraReference,
  files: SdxlFiles,
  tap: Tap,
  text1: TextEncoderConfig,
  text2: TextEncoderConfig,
  ops: Ops,
): Promise<void> {
  const first = await loadText1(files.text1, ops.load, text1)
  const second = await loadText2(files.text2, ops.load, text2)
  const one = encodeText(ops, first, ids1, END_TOKEN, { tap })
  const two = encodeText(ops, second, ids2, END_TOKEN, { tap })
  const context = tf.concat([one.hidden, two.hidden], 2)
  const [, , width = 0] = context.shape
  const values = await context.data<"float32">()
  const rows = Array.from({ length: values.length / width }, (_, row) =>
    values.subarray(row * width, (row + 1) * width),
  )
  await check(
    `${key}.context`,
    rows.map((row) => row.reduce((sum, value, j) => sum + value * u("probe", j), 0)),
  )
  await check(
    `${key}.rows`,
    rows.filter((_, i) => (i % 77) % 38 === 0).flatMap((row) => [...row]),
  )
  if (two.pooled !== null) await check(`${key}.pooled`, await two.pooled.data<"float32">())
  tf.dispose([one.hidden, two.hidden, context, ...(two.pooled === null ? [] : [two.pooled])])
  disposeParams(first)
  disposeParams(second)
}

/** A LoRA of the reference, made from the names of its tensors. */
function loraFile(reference: LoraReference, name: string, files: SdxlFiles): WeightFile {
  const { prefix, alpha, ranks } = reference.files[name] as LoraFile
  const targets = loraTargets(files)
  const entries = new Map<string, WeightEntry>()
  const add = (key: string, shape: readonly number[], values: Float32Array): void => {
    entries.set(key, { name: key, dtype: "F32", shape, read: async () => new Uint8Array(values.buffer) })
  }
  for (const module of modulesOf(reference, name)) {
    const layer = targets.get(module)?.layer
    if (layer === undefined) throw new Error(`no layer for "${module}"`)
    const { kernel, inDim, outDim, kind } = layer
    const rank = kernel === 1 ? ranks.linearAnd1x1 : (ranks.conv3x3 ?? 0)
    const isConv = kind === "conv"
    const down = `${module}.lora_down.weight`
    const up = `${module}.lora_up.weight`
    const downShape = isConv ? [rank, inDim, kernel, kernel] : [rank, inDim]
    const upShape = isConv ? [outDim, rank, 1, 1] : [outDim, rank]
    add(down, downShape, weight(prefix + down, downShape))
    add(
      up,
      upShape,
      weight(prefix + up, upShape).map((value) => value * 0.25),
    )
    if (alpha !== null) add(`${module}.alpha`, [], Float32Array.of(alpha))
  }
  return { label: name, entries }
}

/** The modules of a file: a subset of those of `conv`, by the rule that the reference gives. */
function modulesOf({ files }: LoraReference, name: string): readonly string[] {
  const all = files.conv?.modules ?? []
  const isText = (module: string): boolean => module.startsWith("lora_te")
  const rules: Readonly<Record<string, (module: string) => boolean>> = {
    conv: () => true,
    convUniform: () => true,
    textOnly: isText,
    noAlpha: (module) => module.includes("attn") && !isText(module),
    linear: (module) => isText(module) || /transformer_blocks|proj_in|proj_out/.test(module),
  }
  const modules = all.filter(rules[name] ?? (() => false))
  const { count } = files[name] as LoraFile
  if (modules.length !== count) throw new Error(`"${name}" has ${modules.length} modules, expected ${count}`)
  return modules
}

/** Every name of another layout leads to the layer of kohya's name. */
function compareNames(reference: LoraReference, files: SdxlFiles): readonly CaseResult[] {
  const targets = loraTargets(files)
  const { diffusersNames, kohyaDiffusersNames } = reference
  const lists = {
    old: Object.entries(diffusersNames.old),
    peft: Object.entries(diffusersNames.peft),
    kohyaDiffusers: Object.entries(kohyaDiffusersNames.names).map(
      ([kohya, name]) => [kohya, `${name}.lora_down.weight`] as const,
    ),
  }
  return Object.entries(lists).map(([list, names]) => {
    const wrong = names.filter(([kohya, name]) => {
      const place = loraTensorPlace(name)
      const found = place === null ? undefined : targets.get(place.module)
      return (
        place?.tensor !== "lora_down" ||
        found === undefined ||
        found.weight !== targets.get(kohya)?.weight ||
        found.firstRow !== targets.get(kohya)?.firstRow
      )
    })
    const maxRelError = wrong.length / names.length
    return { case: `lora/names.${list} (${names.length})`, maxRelError, tolerance: 0, ok: wrong.length === 0 }
  })
}

/** One layer with a module, at two strengths: its weight, and what it gives. */
async function runModuleCase(
  tag: string,
  { key, kind, alpha, shapes }: LoraReference["modules"][number],
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const path = `${tag}/${key}`
  const hostShape = kind === "linear" ? [20, 12] : [16, 10, 3, 3]
  const host: LoraTensor = { shape: hostShape, values: weight(`${path}/host.weight`, hostShape) }
  const module: LoraModule = new Map<LoraTensorName, { shape: readonly number[]; values: Float32Array }>([
    ["alpha", { shape: [], values: Float32Array.of(alpha) }],
    ...Object.entries(shapes).map(([name, shape]) => {
      const values =
        name === "dora_scale"
          ? signal(`${path}/${name}`, shape).map((value) => 1 + 0.5 * value)
          : weight(`${path}/${name}`, shape)
      return [name.replace(".weight", "") as LoraTensorName, { shape, values }] as const
    }),
  ])
  const results: CaseResult[] = []
  for (const strength of [1, 0.5]) {
    const name = `${key}.x${strength.toFixed(1)}.weight`
    const ours = await mergedWeight(key, host, module, strength)
    results.push(compare(`lora/${name}`, ours, await tensors.readFloat32(name)))
  }
  return results
}
