import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { ControlShare } from "../models/lllite/adapter.ts"
import type { ControlPatches, PatchSet } from "../models/lllite/conditioner.ts"
import type { AdapterPlan, LlliteModel, Slot } from "../models/lllite/layout.ts"
import { tensorKey } from "../models/lllite/layout.ts"
import { branchLayers } from "../models/lllite/params.ts"
import type { DenseStack, Ops } from "../ops/ops.ts"
import { concatenate } from "./concatenate.ts"

/**
 * The branches of an LLLite that read the control: conditioners, and the parts of `mid` that read them. They depend on
 * no block of the network. So they run once before all blocks, and their gradients come after those of all blocks.
 */
export interface ControlBranches {
  /** `mid`'s share of the control at an adapter, which is a leaf of the adapter's block. */
  shareOf(plan: AdapterPlan): ControlShare
  /**
   * The gradients of the branches' values, from those at the shares.
   *
   * @param slopeOf the gradient at an adapter's share. It stays.
   */
  back(slopeOf: (plan: AdapterPlan) => Tensor): readonly Tensor[]
  /** For each result of `back`, the places of its equal parts in the flat values. */
  readonly places: readonly (readonly number[])[]
  /** Disposes shares and values. */
  dispose(): void
}

/** A runtime that computes layers side by side. */
export type StackOps = Ops & Required<Pick<Ops, "denseStack">>

/** Layers of the branches of several adapters whose shapes are equal. Those of a trunk are there once. */
interface BranchStack {
  readonly plans: readonly AdapterPlan[]
  readonly patches: ControlPatches
  /** The conditioner's, then the part of `mid`. */
  readonly layers: readonly DenseStack[]
  readonly places: readonly (readonly number[])[]
}

/** The most bytes of one layer's results in a stack. More adapters are in several stacks, so that memory stays small. */
const STACK_BYTES = 2 ** 26

/**
 * Uploads the branches' values and computes the shares. The caller disposes the result.
 *
 * @throws CoreError if no control images were cut for a site
 */
export function placeBranches(ops: StackOps, model: LlliteModel, control: Pick<PatchSet, "of">): ControlBranches {
  const slots = new Map(model.slots.map((slot) => [slot.key, slot]))
  const stacks = groupsOf(model.adapters, control).map((group) => uploadStack(model.values, group, slots))
  const shares = new Map<AdapterPlan, ControlShare>()
  for (const stack of stacks) {
    const { plans, patches } = stack
    const { count, grid } = patches
    const each = tf.tidy(() => {
      const all = sharesOf(ops, stack)
      const apart = plans.length === 1 ? [all] : tf.split(all, plans.length)
      return apart.map((one) => tf.reshape(one, [count, grid.height * grid.width, -1]) as Tensor3D)
    })
    for (const [i, plan] of plans.entries()) shares.set(plan, { share: each[i] as Tensor3D, grid })
  }
  return {
    shareOf: (plan) => shares.get(plan) as ControlShare,
    places: stacks.flatMap(({ places }) => places),
    back: (slopeOf) =>
      stacks.flatMap((stack) =>
        tf.tidy(() => {
          const { plans, patches, layers } = stack
          const rows = patches.count * patches.grid.height * patches.grid.width
          const slopes = plans.map((plan) => tf.reshape(slopeOf(plan), [1, rows, -1]))
          const dy = slopes.length === 1 ? slopes[0] : tf.concat(slopes)
          return tf.grads(() => sharesOf(ops, stack))(tensorsOf(layers), dy)
        }),
      ),
    dispose() {
      tf.dispose([...shares.values()].map(({ share }) => share))
      tf.dispose(stacks.flatMap(({ layers }) => tensorsOf(layers)))
    },
  }
}

function tensorsOf(layers: readonly DenseStack[]): Tensor[] {
  return layers.flatMap(({ weight, bias }): readonly Tensor[] => [weight, bias])
}

/** Adapters whose branches have equal shapes. */
interface BranchGroup {
  readonly plans: readonly AdapterPlan[]
  readonly patches: ControlPatches
}

/**
 * The adapters that compute together. Those with a trunk stay together, so that the trunk runs once.
 */
function groupsOf(adapters: readonly AdapterPlan[], control: Pick<PatchSet, "of">): readonly BranchGroup[] {
  const groups: { key: string; plans: AdapterPlan[]; patches: ControlPatches }[] = []
  for (const plan of adapters) {
    const { site, condDim, mlpDim, sharedTrunk = false } = plan
    const patches = control.of(plan)
    if (patches === undefined) {
      throw new CoreError("control-missing", `training: no control images were cut for depth ${site.depth}`)
    }
    const key = JSON.stringify([site.depth, patches.patches.shape, condDim, mlpDim, sharedTrunk])
    const most = sharedTrunk ? adapters.length : mostOf(plan, patches)
    const open = groups.findLast((group) => group.key === key)
    if (open !== undefined && open.plans.length < most) open.plans.push(plan)
    else groups.push({ key, plans: [plan], patches })
  }
  return groups
}

/** The number of adapters whose widest results have `STACK_BYTES`. */
function mostOf({ condDim }: AdapterPlan, { patches: { shape } }: ControlPatches): number {
  return Math.max(1, Math.floor(STACK_BYTES / (4 * shape[0] * condDim)))
}

/** The layers of a group on the device. Values of one layer are one tensor. */
function uploadStack(
  values: Float32Array,
  { plans, patches }: BranchGroup,
  slots: ReadonlyMap<string, Slot>,
): BranchStack {
  const [first] = plans as readonly [AdapterPlan]
  const layers: DenseStack[] = []
  const places: (readonly number[])[] = []
  for (const name of branchLayers(first)) {
    const own = first.sharedTrunk === true && name !== "mid.0" ? [first] : plans
    const slotOf = (plan: AdapterPlan, kind: "weight" | "bias"): Slot => {
      const slot = slots.get(tensorKey(plan, `${name}.${kind}`))
      if (slot === undefined)
        throw new CoreError("adapter-values", `LLLite: "${tensorKey(plan, `${name}.${kind}`)}" has no values`)
      return slot
    }
    const [out = 0] = slotOf(first, "weight").fileShape
    // The control comes first among the inputs of `mid`.
    const inner = name === "mid.0" ? first.condDim : slotOf(first, "weight").size / out
    const stacked = (kind: "weight" | "bias", size: number): Float32Array => {
      const offsets = own.map((plan) => slotOf(plan, kind).offset)
      places.push(offsets)
      return concatenate(offsets.map((offset) => values.subarray(offset, offset + size)))
    }
    layers.push({
      weight: tf.tensor3d(stacked("weight", inner * out), [own.length, inner, out]),
      bias: tf.tensor1d(stacked("bias", out)),
    })
  }
  return { plans, patches, layers, places }
}

/** `mid`'s shares of the control at all adapters of a stack. → [adapters, count · tokens, mlpDim] */
function sharesOf(ops: StackOps, { patches: { patches }, layers }: BranchStack): Tensor3D {
  return tf.tidy(() => {
    let h: Tensor = tf.reshape(patches, [1, ...patches.shape])
    for (const [i, layer] of layers.entries()) {
      // ReLU follows every layer of a conditioner but the last.
      const active = i === 0 || i === layers.length - 1 ? h : ops.relu(h)
      const read = tf.reshape(active, [active.shape[0] as number, -1, layer.weight.shape[1]]) as Tensor3D
      // Pictures have no gradient.
      h = ops.denseStack(read, layer, { inputGradient: i > 0 })
    }
    return h as Tensor3D
  })
}
