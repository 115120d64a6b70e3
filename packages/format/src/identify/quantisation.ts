import { expectArgument } from "../argument.ts"
import type { Dtype } from "../safetensors/dtype.ts"
import { isReadableDtype } from "../safetensors/dtype.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"

/** Tensors by name, as far as their values are not needed. */
export type TensorOutlines = ReadonlyMap<string, Pick<TensorInfo, "dtype" | "shape">>

/** How the weights of a checkpoint are packed. */
export interface Quantisation {
  /** Number of weights with a scale that can be applied: one number, or one for each row. */
  readonly scaledWeights: number
  /** Why the weights cannot be read, or null. */
  readonly reason: string | null
}

/** Ends of the names of scales beside weights: in ComfyUI's older files, and in newer ones and those of diffusers. */
const SCALES = ["scale_weight", "weight_scale"] as const

/** Ends of tensors that belong to a scaled fp8 weight and are not read: notes, and scales of inputs. */
const NOTES = [".comfy_quant", ".input_scale", ".scale_input"]

/** Ends of names that show how a checkpoint was quantised. The first that occurs names the method. */
const SIGNS: readonly (readonly [end: string, how: string])[] = [
  [".quant_state.bitsandbytes__nf4", "to nf4 by bitsandbytes"],
  [".quant_state.bitsandbytes__fp4", "to fp4 by bitsandbytes"],
  [".absmax", "by bitsandbytes"],
  [".SCB", "to int8 by bitsandbytes"],
  [".wscales", "by SVDQuant"],
  [".qweight", "by GPTQ, AWQ or a method like them"],
  [".weight_scale_2", "to nvfp4"],
  [".weight._scale", "by quanto"],
  [".weight_zero_point", "to integers"],
]

/** Recognises how the weights of a checkpoint are packed, by names, dtypes and shapes. */
export function quantisationOf(tensors: TensorOutlines): Quantisation {
  let scaledWeights = 0
  let packed: { readonly name: string; readonly dtype: Dtype } | null = null
  let blocks: string | null = null
  const seen = new Set<string>()
  for (const [name, { dtype }] of tensors) {
    const sign = SIGNS.find(([end]) => name.endsWith(end))
    if (sign !== undefined) seen.add(sign[1])
    if (!name.endsWith(".weight")) continue
    if (!isReadableDtype(dtype)) packed ??= { name, dtype }
    const scale = scaleNameOf(tensors, name)
    if (scale === null) continue
    scaledWeights += 1
    if (!isRowScale(tensors.get(scale)?.shape ?? [], tensors.get(name)?.shape ?? [])) blocks ??= scale
  }
  const method = SIGNS.find(([, how]) => seen.has(how))
  if (method !== undefined) return { scaledWeights: 0, reason: refusal(method[1]) }
  if (packed !== null) return { scaledWeights, reason: refusal(`to ${packed.dtype}, as "${packed.name}"`) }
  if (blocks !== null) return { scaledWeights, reason: refusal(`in blocks, as the shape of "${blocks}" says`) }
  return { scaledWeights, reason: null }
}

/** Why weights with these names cannot be read, or null if no name shows a quantisation. */
export function quantisedByName(names: readonly string[]): string | null {
  const method = SIGNS.find(([end]) => names.some((name) => name.endsWith(end)))
  return method === undefined ? null : refusal(method[1])
}

/** The name of the scale of a weight, or null. */
export function scaleNameOf(names: { has(name: string): boolean }, weight: string): string | null {
  expectArgument(typeof weight === "string", "the name", weight, "text")
  expectArgument(typeof names?.has === "function", "the names", names, "a Map or a Set")
  if (!weight.endsWith(".weight")) return null
  const stem = weight.slice(0, -"weight".length)
  return SCALES.map((end) => stem + end).find((name) => names.has(name)) ?? null
}

/** Whether a tensor only describes how another one is packed. */
export function describesPacking(name: string): boolean {
  expectArgument(typeof name === "string", "the name", name, "text")
  return (
    SCALES.some((end) => name.endsWith(`.${end}`)) ||
    NOTES.some((end) => name.endsWith(end)) ||
    /(^|\.)scaled_fp8$/.test(name)
  )
}

/** Whether a scale is one number, or one for each row of its weight. */
function isRowScale(scale: readonly number[], [rows]: readonly number[]): boolean {
  const count = scale.reduce((product, size) => product * size, 1)
  return count === 1 || (count === rows && scale[0] === rows)
}

function refusal(how: string): string {
  return `its weights are quantised ${how}, which is not supported. Give a checkpoint in fp8, float16, bfloat16 or float32`
}
