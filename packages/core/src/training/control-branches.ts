import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { PatchSet } from "../models/lllite/conditioner.ts"
import type { ControlPatches } from "../models/lllite/control-patches.ts"
import type { AdapterPlan, LlliteModel, Slot } from "../models/lllite/layout.ts"
import { tensorKey } from "../models/lllite/layout.ts"
import { branchLayers } from "../models/lllite/params.ts"
import type { Grid } from "../models/taps.ts"
import type { DenseStack, Ops } from "../ops/ops.ts"
import { concatenate } from "./concatenate.ts"
import type { ValueSpan } from "./gradients.ts"

/**
 * The branches of an LLLite that read the control: conditioners, and the parts of `mid` that read them. They depend on
 * no block of the network. So they run once before all blocks, and their gradients come after those of all blocks.
 */
export interface ControlBranches {
  /** `mid`'s shares of the control at the adapters before one input, which are a leaf of their block. */
  shareOf(plans: AdapterPlans): BranchShare
  /**
   * The gradients of the branches' values, from those at the shares.
   *
   * @param slopeOf the gradient at the shares of adapters before one input. It stays.
   */
  back(slopeOf: (plans: AdapterPlans) => Tensor): readonly Tensor[]
  /** For each result of `back`, where its parts stand in the flat values. */
  readonly places: readonly (readonly ValueSpan[])[]
  /** Disposes shares and values. */
  dispose(): void
}

/** Adapters of equal widths before one input. */
export type AdapterPlans = readonly [AdapterPlan, ...AdapterPlan[]]

export interface BranchShare {
  /** [adapters, count, tokens, mlpDim] */
  readonly share: Tensor4D
  readonly grid: Grid
}

/** A runtime that computes layers side by side. */
export type StackOps = Ops & Required<Pick<Ops, "denseStack">>

/** What the layers of a stack read, in their order, and how their gradients are computed from it. */
interface KeptReads {
  readonly reads: readonly Tensor3D[]
  readonly slopes: NonNullable<Ops["denseStackSlopes"]>
}

/** Layers of the branches of several adapters whose shapes are equal. Those of a trunk are there once. */
interface BranchStack {
  readonly inputs: readonly AdapterPlans[]
  readonly patches: ControlPatches
  /** The conditioner's, then the part of `mid`. */
  readonly layers: readonly DenseStack[]
  readonly places: readonly (readonly ValueSpan[])[]
}

/** The most bytes of one layer's results in a stack. More adapters are in several stacks, so that memory stays small. */
const STACK_BYTES = 2 ** 26

/**
 * Uploads the branches' values and computes the shares. The caller disposes the result.
 *
 * @param inputs all adapters, by the input that they read
 * @throws CoreError if no control images were cut for a site
 */
export function placeBranches(
  ops: StackOps,
  { slots: list, values }: LlliteModel,
  inputs: readonly AdapterPlans[],
  control: Pick<PatchSet, "of">,
): ControlBranches {
  const slots = new Map(list.map((slot) => [slot.key, slot]))
  const stacks = groupsOf(inputs, control).map((group) => uploadStack(values, group, slots))
  const shares = new Map<AdapterPlans, BranchShare>()
  const kept = new Map<BranchStack, KeptReads>()
  for (const stack of stacks) {
    const { inputs, patches } = stack
    const { count, grid } = patches
    const sizes = inputs.map((plans) => plans.length)
    const each = tf.tidy(() => {
      const reads: Tensor3D[] = []
      const all = sharesOf(ops, stack, reads)
      if (ops.denseStackSlopes !== undefined) {
        kept.set(stack, { reads: reads.map((read) => tf.keep(read)), slopes: ops.denseStackSlopes })
      }
      const apart = inputs.length === 1 ? [all] : tf.split(all, sizes)
      return apart.map((one, i) => {
        return tf.reshape(one, [sizes[i] as number, count, grid.height * grid.width, -1]) as Tensor4D
      })
    })
    for (const [i, plans] of inputs.entries()) shares.set(plans, { share: each[i] as Tensor4D, grid })
  }
  return {
    shareOf: (plans) => shares.get(plans) as BranchShare,
    places: stacks.flatMap(({ places }) => places),
    back: (slopeOf) =>
      stacks.flatMap((stack) =>
        tf.tidy(() => {
          const { inputs, patches, layers } = stack
          const rows = patches.count * patches.grid.height * patches.grid.width
          const slopes = inputs.map((plans) => tf.reshape(slopeOf(plans), [plans.length, rows, -1]))
          const dy = (slopes.length === 1 ? slopes[0] : tf.concat(slopes)) as Tensor3D
          const own = kept.get(stack)
          return own === undefined
            ? tf.grads(() => sharesOf(ops, stack))(tensorsOf(layers), dy)
            : slopesOf(layers, own, dy)
        }),
      ),
    dispose() {
      tf.dispose([...shares.values()].map(({ share }) => share))
      tf.dispose(stacks.flatMap(({ layers }) => tensorsOf(layers)))
      tf.dispose([...kept.values()].flatMap(({ reads }) => [...reads]))
    },
  }
}

function tensorsOf(layers: readonly DenseStack[]): Tensor[] {
  return layers.flatMap(({ weight, bias }): readonly Tensor[] => [weight, bias])
}

/** Adapters whose branches have equal shapes. */
interface BranchGroup {
  readonly inputs: readonly AdapterPlans[]
  readonly patches: ControlPatches
}

/**
 * The adapters that compute together. Those before one input stay together, and those with a trunk, so that the trunk
 * runs once.
 */
function groupsOf(all: readonly AdapterPlans[], control: Pick<PatchSet, "of">): readonly BranchGroup[] {
  const groups: { key: string; inputs: AdapterPlans[]; patches: ControlPatches }[] = []
  for (const plans of all) {
    const [plan] = plans
    const { site, condDim, mlpDim, sharedTrunk = false } = plan
    const patches = control.of(plan)
    if (patches === undefined) {
      throw new CoreError("control-missing", `training: no control images were cut for depth ${site.depth}`)
    }
    const key = JSON.stringify([site.depth, patches.patches.shape, condDim, mlpDim, sharedTrunk])
    const most = sharedTrunk ? Number.POSITIVE_INFINITY : mostOf(plan, patches)
    const open = groups.findLast((group) => group.key === key)
    if (open !== undefined && open.inputs.flat().length + plans.length <= most) open.inputs.push(plans)
    else groups.push({ key, inputs: [plans], patches })
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
  { inputs, patches }: BranchGroup,
  slots: ReadonlyMap<string, Slot>,
): BranchStack {
  const plans = inputs.flat()
  const [first] = plans as unknown as readonly [AdapterPlan]
  const layers: DenseStack[] = []
  const places: (readonly ValueSpan[])[] = []
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
      const spans = own.map((plan) => ({ offset: slotOf(plan, kind).offset, size }))
      places.push(spans)
      return concatenate(spans.map(({ offset }) => values.subarray(offset, offset + size)))
    }
    layers.push({
      weight: tf.tensor3d(stacked("weight", inner * out), [own.length, inner, out]),
      bias: tf.tensor1d(stacked("bias", out)),
    })
  }
  return { inputs, patches, layers, places }
}

/**
 * `mid`'s shares of the control at all adapters of a stack. → [adapters, count · tokens, mlpDim]
 *
 * @param reads gets what each layer reads. The scope around tracks it.
 */
function sharesOf(ops: StackOps, { patches: { patches }, layers }: BranchStack, reads: Tensor3D[] = []): Tensor3D {
  const [shares, ...others] = tf.tidy(() => {
    const found: Tensor3D[] = []
    let h: Tensor = tf.reshape(patches, [1, ...patches.shape])
    for (const [i, layer] of layers.entries()) {
      const active = isRectified(layers, i) ? ops.relu(h) : h
      const read = tf.reshape(active, [active.shape[0] as number, -1, layer.weight.shape[1]]) as Tensor3D
      found.push(read)
      // Pictures have no gradient.
      h = ops.denseStack(read, layer, { inputGradient: i > 0 })
    }
    return [h as Tensor3D, ...found]
  }) as [Tensor3D, ...Tensor3D[]]
  reads.push(...others)
  return shares
}

/** Whether a layer reads the result of a ReLU. One follows every layer of a conditioner but the last. */
function isRectified(layers: readonly DenseStack[], index: number): boolean {
  return index > 0 && index < layers.length - 1
}

/** The gradients of all layers' weights and biases, from that at the shares. */
function slopesOf(layers: readonly DenseStack[], { reads, slopes }: KeptReads, dy: Tensor3D): Tensor[] {
  const found: Tensor[] = []
  let dh: Tensor = dy
  for (const [i, layer] of [...layers.entries()].reverse()) {
    const read = reads[i] as Tensor3D
    const shape: [number, number, number] = [layer.weight.shape[0], read.shape[1], layer.weight.shape[2]]
    const options = { inputGradient: i > 0, isRectified: isRectified(layers, i) }
    const all = slopes(read, layer, tf.reshape(dh, shape), options)
    found.unshift(...all.slice(-2))
    dh = all[0] as Tensor
  }
  return found
}
