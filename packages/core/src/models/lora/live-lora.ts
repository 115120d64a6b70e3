import type { NetworkLayer } from "@lllite/format"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { Conv2dWeight, LinearWeight, Ops, WeightLoader } from "../../ops/ops.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { checkFile, checkLoader, checkOps } from "../given.ts"
import type { Tap } from "../taps.ts"
import type { WeightFile } from "../weight-reader.ts"
import { type LoraBlocks, layerWeight } from "./block-weights.ts"
import { modulesOf, readModule, unusedNotice } from "./file-modules.ts"
import type { LengthScale } from "./length-scale.ts"
import { loadLengthScale, longerBy, tensorsOf } from "./length-scale.ts"
import type { LoraTensor } from "./module-delta.ts"
import { liveFactors } from "./module-delta.ts"
import type { LoraBase, LoraConfigs } from "./targets.ts"
import { loraTargetsOf } from "./targets.ts"

/** A layer of a module, as the device holds it. */
type Stage = LinearWeight | Conv2dWeight

/** A module beside its layer: its layers one after another. */
interface LiveModule {
  readonly stages: readonly Stage[]
  /** How a DoRA changes the lengths of the layer's rows or columns. Null for other modules. */
  readonly lengths: LengthScale | null
}

/** A LoRA on a device, which acts beside the layers of an SDXL and leaves its weights as they are. */
export interface LiveLora {
  readonly label: string
  readonly modules: ReadonlyMap<string, LiveModule>
  /** What of its file is not used, one sentence each. */
  readonly notices: readonly string[]
  dispose(): void
}

/** How strongly a live LoRA acts. */
export interface LoraStrength {
  /** The factor on what it adds to the U-Net. Default: 1. */
  readonly strength?: number
  /** The factor on what it adds to both text encoders. Default: `strength`. */
  readonly textStrength?: number
  /** A factor for each block. Default: 1 everywhere. */
  readonly blocks?: LoraBlocks
}

/**
 * Loads a LoRA, LoCon, LoHa, LoKr or DoRA for an SDXL of these widths. After a failure, nothing of it stays on the
 * device.
 *
 * @param base The weights of the SDXL, which a DoRA reads (`isDora`). Default: null, for files without a DoRA
 * @throws CoreError for a file that fits no layer, or a module that is damaged; for a DoRA without `base`
 */
export async function loadLiveLora(
  load: WeightLoader,
  file: WeightFile,
  configs: LoraConfigs,
  base: LoraBase | null = null,
): Promise<LiveLora> {
  checkLoader("LoRA", load)
  checkFile("LoRA", file)
  checkGiven("LoRA: the configs", configs, "unet", "inferUnetConfig and its like, by their network,")
  const targets = loraTargetsOf(configs)
  const { modules, unknown } = modulesOf(file, targets)
  const loaded = new Map<string, { readonly stages: Stage[]; lengths: LengthScale | null }>()
  const dispose = (): void => {
    for (const module of loaded.values()) {
      for (const stage of module.stages.splice(0)) stage.dispose()
      module.lengths?.dispose()
      module.lengths = null
    }
  }
  try {
    for (const [key, tensors] of modules) {
      const target = targets.get(key)
      if (target === undefined) continue
      const { layer } = target
      const made: { readonly stages: Stage[]; lengths: LengthScale | null } = { stages: [], lengths: null }
      const id = idOf(layer)
      // Two names of one layer would add one module over the other.
      if (loaded.has(id)) throw twice(file.label, key)
      loaded.set(id, made)
      const label = `${file.label}: "${key}"`
      const module = await readModule(file.label, tensors)
      made.lengths = await loadLengthScale(label, target, module, base)
      await loadStages(load, label, layer, module, made.stages)
    }
  } catch (error) {
    dispose()
    throw error
  }
  return { label: file.label, modules: loaded, notices: unusedNotice(file, unknown), dispose }
}

function twice(label: string, key: string): CoreError {
  return new CoreError("adapter-values", `${label} has two modules for the layer of "${key}", expected one`)
}

/** Loads a module's layers into `stages`, first to last. */
async function loadStages(
  load: WeightLoader,
  label: string,
  { kind, kernel, inDim, outDim }: NetworkLayer,
  module: Parameters<typeof liveFactors>[2],
  stages: Stage[],
): Promise<void> {
  const isConv = kind === "conv"
  const add = async ({ values }: LoraTensor, [out, inner, side]: readonly [number, number, number]): Promise<void> => {
    const entry = (shape: readonly number[]): WeightEntry => ({
      ...{ name: label, dtype: "F32", shape },
      read: async () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    })
    // A kernel of one pixel is a linear layer over the pixels.
    stages.push(
      side === 1
        ? await load.linear(entry([out, inner]), null)
        : await load.conv2d(entry([out, inner, side, side]), null),
    )
  }
  const factors = await liveFactors(label, isConv ? [outDim, inDim, kernel, kernel] : [outDim, inDim], module)
  if (factors.kind === "whole") return add(factors.delta, [outDim, inDim, kernel])
  const { down, mid, up } = factors
  const [rank = 0] = down.shape
  const [, lastRank = 0] = up.shape
  await add(down, [rank, inDim, mid === null ? kernel : 1])
  if (mid !== null) await add(mid, [lastRank, rank, kernel])
  await add(up, [outDim, lastRank, 1])
}

/**
 * A LoRA as a tap: each of its layers gives y + strength · up(down(x)). It reads what the layer reads, with the change
 * of an LLLite before it. At strength 0 it does not act.
 *
 * A DoRA adds its whole difference, and its strength is that of the change of lengths, as when it is merged. Where it
 * follows other LoRAs, it changes the length of what they add, too.
 *
 * Source: Hu et al. 2021 (arXiv:2106.09685); sd-scripts `networks/lora.py`, `LoRAModule.forward`; PEFT 0.17,
 * `DoraLinearLayer.forward`.
 *
 * @throws CoreError if a strength is not finite
 */
export function loraTap(ops: Ops, lora: LiveLora, use: LoraStrength = {}): Tap {
  checkOps("LoRA", ops)
  checkGiven("LoRA: the LoRA", lora, "modules", "loadLiveLora")
  checkArgument("LoRA: the strengths", use, "an object")
  const { label, modules } = lora
  const { strength = 1, textStrength = strength, blocks = {} } = use
  for (const value of [strength, textStrength]) {
    if (!Number.isFinite(value)) throw new CoreError("strength", `${label}: strength is ${value}, expected a number`)
  }
  const factorOf = (layer: NetworkLayer): number =>
    (layer.network === "unet" ? strength : textStrength) * layerWeight(blocks, layer)
  const moduleOf = (layer: NetworkLayer): LiveModule | undefined =>
    factorOf(layer) === 0 ? undefined : modules.get(idOf(layer))
  const hasColumns = [...modules.values()].some(({ lengths }) => lengths?.side === "in")
  return {
    has: (layer) => moduleOf(layer) !== undefined,
    reads(layer) {
      const { stages, lengths } = moduleOf(layer) ?? { stages: [], lengths: null }
      return {
        key: `lora ${factorOf(layer)} ${lengths?.side ?? ""}`,
        reads: [...stages, ...(lengths === null ? [] : tensorsOf(lengths))],
        trained: [],
      }
    },
    ...(hasColumns
      ? {
          // A column that is longer is an input that is larger.
          before: (layers, x) =>
            layers.map((layer) => {
              const lengths = moduleOf(layer)?.lengths ?? null
              return lengths?.side === "in" ? longerBy(lengths, factorOf(layer), x) : x
            }),
        }
      : {}),
    after: (layers, xs, ys) =>
      layers.map((layer, i) => {
        const [x, y] = [xs[i] as Tensor, ys[i] as Tensor]
        const module = moduleOf(layer)
        return module === undefined ? y : tf.tidy(() => changed(ops, module, layer, { x, y }, factorOf(layer)))
      }),
  }
}

/** A layer's output with its module. x: what the layer reads, y: what it gives so far */
function changed(
  ops: Ops,
  { stages, lengths }: LiveModule,
  layer: NetworkLayer,
  { x, y }: { readonly x: Tensor; readonly y: Tensor },
  factor: number,
): Tensor {
  const sum = tf.add(y, change(ops, stages, layer, x, lengths === null ? factor : 1))
  return lengths?.side === "out" ? longerBy(lengths, factor, sum) : sum
}

/** What a module adds to its layer's output. */
function change(ops: Ops, stages: readonly Stage[], layer: NetworkLayer, x: Tensor, factor: number): Tensor {
  const scaled = (h: Tensor): Tensor => (factor === 1 ? h : tf.mul(h, factor))
  const last = stages.length - 1
  // The strength multiplies what the last stage reads, which is narrow.
  return stages.reduce((h, stage, i) => run(ops, stage, layer, i === last ? scaled(h) : h), x)
}

function run(ops: Ops, stage: Stage, { stride }: NetworkLayer, x: Tensor): Tensor {
  if (stage.kind === "linear") return ops.linear(x, stage)
  return ops.conv2d(x as Tensor4D, stage, { stride, padding: [1, 1, 1, 1] })
}

function idOf({ network, path }: Pick<NetworkLayer, "network" | "path">): string {
  return `${network}/${path}`
}
