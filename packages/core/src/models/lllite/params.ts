import type { SiteTensorName } from "@lllite/format"
import { siteTensorShapes } from "@lllite/format"
import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkGiven } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { DenseParams } from "../../ops/ops.ts"
import type { AdapterPlan, LlliteModel } from "./layout.ts"
import { checkModel, leafShapes, tensorKey } from "./layout.ts"

/** The layers of an adapter that read the network, on a device. */
export interface AdapterLayers {
  readonly plan: AdapterPlan
  readonly down: DenseParams
  /** The part of `mid` that reads `down`: [mlpDim, mlpDim]. */
  readonly midDown: Tensor2D
  readonly up: DenseParams
}

/** An adapter on a device. */
export interface AdapterParams extends AdapterLayers {
  /**
   * Convolutions whose stride is equal to their kernel. They are dense layers over patches. Adapters with a trunk have
   * the same tensors.
   */
  readonly conditioner: readonly DenseParams[]
  /** The part of `mid` that reads the control, [condDim, mlpDim], with the bias of `mid`. */
  readonly midControl: DenseParams
  /** All of these tensors, in the order of the adapter's flat values. Those of a trunk are leaves of several adapters. */
  readonly leaves: readonly Tensor[]
}

/** An LLLite on a device. */
export interface LlliteParams {
  readonly adapters: ReadonlyMap<string, AdapterParams>
  /** The tensors in the order of the model's flat values. */
  readonly leaves: readonly Tensor[]
}

/**
 * Uploads an LLLite's values to the device. The caller disposes the result.
 */
export function uploadLllite(model: LlliteModel): LlliteParams {
  checkModel("LLLite", model)
  const { adapters, slots, values } = model
  const placed = new Map<string, readonly Tensor[]>()
  for (const slot of slots) {
    let from = slot.offset
    const tensors = leafShapes(slot).map((shape) => {
      const size = shape.reduce((product, length) => product * length, 1)
      const tensor = tf.tensor(values.slice(from, from + size), [...shape])
      from += size
      return tensor
    })
    placed.set(slot.key, tensors)
  }
  const all = adapters.map((plan) => {
    const names = [...siteTensorShapes(plan.site, plan).keys()]
    return adapterOf(plan, new Map(names.map((name) => [name, placed.get(tensorKey(plan, name)) ?? []])))
  })
  return {
    adapters: new Map(all.map((adapter) => [adapter.plan.site.key, adapter])),
    leaves: [...placed.values()].flat(),
  }
}

/** Makes an adapter of its tensors, which are in the order of its flat values. */
function adapterOf(plan: AdapterPlan, tensors: ReadonlyMap<SiteTensorName, readonly Tensor[]>): AdapterParams {
  const find = <T extends Tensor>(name: SiteTensorName, index = 0): T => {
    const tensor = tensors.get(name)?.[index]
    if (tensor === undefined) throw new CoreError("adapter-values", `LLLite: "${tensorKey(plan, name)}" has no values`)
    return tensor as T
  }
  const dense = (name: LayerName): DenseParams => ({
    weight: find<Tensor2D>(`${name}.weight`),
    bias: find<Tensor1D>(`${name}.bias`),
  })
  return {
    plan,
    leaves: [...tensors.values()].flat(),
    conditioner: branchLayers(plan).slice(0, -1).map(dense),
    down: dense("down.0"),
    midControl: { weight: find<Tensor2D>("mid.0.weight"), bias: find<Tensor1D>("mid.0.bias") },
    midDown: find<Tensor2D>("mid.0.weight", 1),
    up: dense("up.0"),
  }
}

type LayerName = SiteTensorName extends `${infer Name}.${"weight" | "bias"}` ? Name : never

/** The conditioner's layers. The last one exists at depth 3 only. */
const CONDITIONER: readonly LayerName[] = ["conditioning1.0", "conditioning1.2", "conditioning1.4"]

/** The layers between a control and an adapter's sum with `down`: the conditioner's, then `mid`. */
export function branchLayers({ site: { depth } }: AdapterPlan): readonly LayerName[] {
  return [...CONDITIONER.slice(0, depth === 3 ? 3 : 2), "mid.0"]
}

/** Disposes an LLLite's tensors. */
export function disposeLllite(params: LlliteParams): void {
  checkGiven("LLLite: the params", params, "leaves", "uploadLllite")
  tf.dispose([...params.leaves])
}
