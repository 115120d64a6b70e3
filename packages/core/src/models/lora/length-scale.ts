import { isReadableDtype, toFloat32 } from "@lllite/format"
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import type { LengthChange, LoraModule, LoraTensor } from "./module-delta.ts"
import { lengthChange } from "./module-delta.ts"
import type { LoraBase, LoraTarget } from "./targets.ts"

/** How a DoRA beside its layer changes the lengths of the layer's rows or columns, on a device. */
export interface LengthScale extends Pick<LengthChange, "side"> {
  /** The factor of each row or column, less 1. */
  readonly change: Tensor1D
  /** The layer's bias, which does not belong to a row. Null where there is none, and for columns. */
  readonly bias: Tensor1D | null
  dispose(): void
}

/**
 * The lengths that a module gives its layer. Null for a module that is not a DoRA. The caller disposes it.
 *
 * @throws CoreError for a DoRA without the weights of the SDXL, and for weights that are not readable
 */
export async function loadLengthScale(
  label: string,
  target: LoraTarget,
  module: LoraModule,
  base: LoraBase | null,
): Promise<LengthScale | null> {
  if (!module.has("dora_scale")) return null
  if (base === null) {
    throw new CoreError("lora-base", `${label} is a DoRA, which needs the weights of its SDXL. Give them as \`base\`.`)
  }
  const weight = await readLayer(base, target)
  const { side, values } = await lengthChange(label, weight, module)
  const bias = side === "in" ? null : await readBias(base, target)
  const tensors = { change: tf.tensor1d(values), bias: bias === null ? null : tf.tensor1d(bias) }
  return { side, ...tensors, dispose: () => tf.dispose(tensorsOf(tensors)) }
}

/** What `longerBy` reads. */
export function tensorsOf({ change, bias }: Pick<LengthScale, "change" | "bias">): Tensor1D[] {
  return bias === null ? [change] : [change, bias]
}

/** x: [..., channels] times 1 + strength · change, without the bias in it → the same shape */
export function longerBy({ change, bias }: LengthScale, strength: number, x: Tensor): Tensor {
  return tf.tidy(() => {
    const factors = tf.add(tf.mul(change, strength), 1)
    return bias === null ? tf.mul(x, factors) : tf.add(tf.mul(tf.sub(x, bias), factors), bias)
  })
}

/** The layer's own rows of a weight, which may join several layers. */
async function readLayer(base: LoraBase, { part, weight, firstRow, layer }: LoraTarget): Promise<LoraTensor> {
  const { inDim, outDim, kernel, kind } = layer
  const columns = inDim * kernel ** 2
  const values = await readFloats(base[part].entries.get(weight), weight)
  return {
    shape: kind === "conv" ? [outDim, inDim, kernel, kernel] : [outDim, inDim],
    values: values.subarray(firstRow * columns, (firstRow + outDim) * columns),
  }
}

async function readBias(base: LoraBase, { part, weight, firstRow, layer }: LoraTarget): Promise<Float32Array | null> {
  const name = weight.replace(/weight$/, "bias")
  const entry = base[part].entries.get(name)
  if (entry === undefined) return null
  return (await readFloats(entry, name)).slice(firstRow, firstRow + layer.outDim)
}

async function readFloats(entry: WeightEntry | undefined, name: string): Promise<Float32Array> {
  if (entry === undefined || !isReadableDtype(entry.dtype)) {
    throw new CoreError(
      "checkpoint-dtype",
      `"${name}" is ${entry?.dtype ?? "missing"}, to which no DoRA can be added. Use a checkpoint with plain weights.`,
    )
  }
  return toFloat32(await entry.read(), entry.dtype)
}
