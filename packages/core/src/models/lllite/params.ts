import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { DenseParams } from "../../ops/ops.ts"
import type { AdapterPlan, LlliteModel, Slot } from "./layout.ts"

/** An adapter on a device. */
export interface AdapterParams {
  readonly plan: AdapterPlan
  /** Convolutions whose stride is their kernel, which are dense layers over patches. */
  readonly conditioner: readonly DenseParams[]
  readonly down: DenseParams
  /** The part of `mid` that reads the control: [condDim, mlpDim], with the bias of all of it. */
  readonly midControl: DenseParams
  /** The part of `mid` that reads `down`: [mlpDim, mlpDim]. */
  readonly midDown: Tensor2D
  readonly up: DenseParams
}

/** An LLLite on a device. */
export interface LlliteParams {
  readonly adapters: ReadonlyMap<string, AdapterParams>
  /** The tensors in the order of the model's flat values. */
  readonly leaves: readonly Tensor[]
}

/**
 * Brings an LLLite's values to the device. The caller disposes what comes back.
 */
export function uploadLllite(model: LlliteModel): LlliteParams {
  const leaves: Tensor[] = []
  const place = <T extends Tensor>(slot: Slot, shape: number[], from = 0): T => {
    const size = shape.reduce((product, length) => product * length, 1)
    const start = slot.offset + from
    const tensor = tf.tensor(model.values.slice(start, start + size), shape) as T
    leaves.push(tensor)
    return tensor
  }
  const slots = new Map(model.slots.map((slot) => [`${slot.plan.site.key}.${slot.name}`, slot]))
  const find = (plan: AdapterPlan, name: string): Slot => {
    const slot = slots.get(`${plan.site.key}.${name}`)
    if (slot === undefined) throw new CoreError(`LLLite: "${plan.site.key}.${name}" has no values`)
    return slot
  }
  const dense = (plan: AdapterPlan, name: string): DenseParams => {
    const weight = find(plan, `${name}.weight`)
    const [out = 0] = weight.fileShape
    return {
      weight: place<Tensor2D>(weight, [weight.size / out, out]),
      bias: place<Tensor1D>(find(plan, `${name}.bias`), [out]),
    }
  }
  const adapters = model.adapters.map((plan): AdapterParams => {
    const { condDim, mlpDim, site } = plan
    const names = ["conditioning1.0", "conditioning1.2", ...(site.depth === 3 ? ["conditioning1.4"] : [])]
    const conditioner = names.map((name) => dense(plan, name))
    const down = dense(plan, "down.0")
    const mid = find(plan, "mid.0.weight")
    // The control comes first among the inputs of `mid`, so its rows are the first.
    const midWeight = place<Tensor2D>(mid, [condDim, mlpDim])
    const midDown = place<Tensor2D>(mid, [mlpDim, mlpDim], condDim * mlpDim)
    const midBias = place<Tensor1D>(find(plan, "mid.0.bias"), [mlpDim])
    const up = dense(plan, "up.0")
    return { plan, conditioner, down, midControl: { weight: midWeight, bias: midBias }, midDown, up }
  })
  return { adapters: new Map(adapters.map((adapter) => [adapter.plan.site.key, adapter])), leaves }
}

/** Gives an LLLite's tensors back to the device. */
export function disposeLllite(params: LlliteParams): void {
  tf.dispose([...params.leaves])
}

/** Every tensor of an adapter, in the order of its flat values. */
export function leavesOf({ conditioner, down, midControl, midDown, up }: AdapterParams): Tensor[] {
  const both = ({ weight, bias }: DenseParams): Tensor[] => [weight, bias]
  return [...conditioner.flatMap(both), ...both(down), midControl.weight, midDown, midControl.bias, ...both(up)]
}
