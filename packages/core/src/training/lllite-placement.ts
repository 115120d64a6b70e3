import type { SiteTensorName } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { ControlShare, JoinedAdapters } from "../models/lllite/adapter.ts"
import { adaptersByPath, createShares, sharedInputs } from "../models/lllite/adapter.ts"
import type { PatchSet } from "../models/lllite/conditioner.ts"
import type { ControlPatches } from "../models/lllite/control-patches.ts"
import type { AdapterPlan, LlliteModel, Slot } from "../models/lllite/layout.ts"
import { tensorKey } from "../models/lllite/layout.ts"
import type { AdapterLayers, AdapterParams } from "../models/lllite/params.ts"
import { disposeLllite, uploadLllite } from "../models/lllite/params.ts"
import type { Grid } from "../models/taps.ts"
import { layersOf, shareOf } from "../ops/adapt-group.ts"
import type { Ops } from "../ops/ops.ts"
import { concatenate } from "./concatenate.ts"
import { type AdapterPlans, type BranchShare, placeBranches, type StackOps } from "./control-branches.ts"
import type { TrainedTap, ValueSpan } from "./gradients.ts"

/** An adapter's layers on a device, and the tensors that its layers and its share of the control get a gradient by. */
export interface PlacedAdapter extends AdapterLayers {
  readonly leaves: readonly Tensor[]
}

/** An LLLite on a device, and how its adapters get their shares of the control. */
export interface Placement extends Pick<TrainedTap, "leaves" | "values"> {
  /** By the path of the layer that reads their output. */
  readonly adapters: ReadonlyMap<string, PlacedAdapter>
  /** The shares of the adapters before one input. */
  shares(): (adapter: PlacedAdapter) => ControlShare
  /** The adapters before an adapter's input, where their values are one tensor. */
  groupOf?(adapter: PlacedAdapter): JoinedAdapters | undefined
  /** What an adapter's share is made of in a block, besides its leaves. @throws CoreError if it was not cut */
  madeOf(adapter: PlacedAdapter): { readonly grid: Grid; readonly reads: readonly Tensor[] }
  dispose(): void
}

/** Conditioners run in the blocks. Layers with the same input and trunk run the trunk once. */
export function placeInBlocks(ops: Ops, model: LlliteModel, control: Pick<PatchSet, "of">): Placement {
  const lllite = uploadLllite(model)
  const patchesOf = ({ plan }: AdapterLayers): ControlPatches => {
    const patches = control.of(plan)
    if (patches !== undefined) return patches
    throw new CoreError("control-missing", `training: no control images were cut for depth ${plan.site.depth}`)
  }
  return {
    adapters: adaptersByPath(lllite),
    leaves: lllite.leaves,
    shares() {
      const shares = createShares(ops)
      return (adapter) => {
        const patches = patchesOf(adapter)
        return { share: shares.of(adapter as AdapterParams, patches), grid: patches.grid }
      }
    },
    madeOf(adapter) {
      const { grid, patches } = patchesOf(adapter)
      return { grid, reads: [patches] }
    },
    dispose: () => disposeLllite(lllite),
  }
}

/**
 * Conditioners run before the blocks. The adapters before one input have two leaves: all their values, and their shares of
 * the control.
 */
export function placeBeforeBlocks(ops: StackOps, model: LlliteModel, control: Pick<PatchSet, "of">): Placement {
  const inputs = plansByInput(model.adapters)
  const branches = placeBranches(ops, model, inputs, control)
  const slots = new Map(model.slots.map((slot) => [slot.key, slot]))
  const groups = inputs.map((plans) => placeGroup(model.values, plans, slots, branches.shareOf(plans)))
  const all = groups.flatMap((group) => group.adapters)
  const groupOf = new Map<AdapterLayers, PlacedGroup>(
    groups.flatMap((group) => group.adapters.map((adapter) => [adapter, group])),
  )
  const leaves = groups.flatMap(({ values, share }): Tensor[] => [values, share])
  return {
    ...{ adapters: new Map(all.map((adapter) => [adapter.plan.site.path, adapter])), leaves },
    shares: () => (adapter) => {
      const group = groupOf.get(adapter) as PlacedGroup
      return {
        grid: group.grid,
        // It is read where the group does not run as one.
        get share() {
          return shareOf(group, group.adapters.indexOf(adapter))
        },
      }
    },
    groupOf: (adapter) => groupOf.get(adapter),
    madeOf: (adapter) => ({ grid: (groupOf.get(adapter) as PlacedGroup).grid, reads: [] }),
    values: {
      back(gradients) {
        const found = new Map(leaves.map((leaf, i) => [leaf, gradients[i] as Tensor]))
        const slopeOf = (plans: AdapterPlans): Tensor => found.get(branches.shareOf(plans).share) as Tensor
        const ofBranches = branches.back(slopeOf)
        tf.dispose(inputs.map(slopeOf))
        return [...groups.map(({ values }) => found.get(values) as Tensor), ...ofBranches]
      },
      places: [...groups.map(({ places }) => places), ...branches.places],
      direct: new Map(groups.map(({ values, places }) => [values, places])),
    },
    dispose() {
      branches.dispose()
      tf.dispose(leaves)
    },
  }
}

/** Adapters by the input that they read. Only adapters of equal widths are together. */
function plansByInput(plans: readonly AdapterPlan[]): readonly AdapterPlans[] {
  const widthsOf = ({ condDim, mlpDim, sharedTrunk = false }: AdapterPlan): string =>
    [condDim, mlpDim, sharedTrunk].join()
  const shared = sharedInputs(plans).filter((group) => new Set(group.map(widthsOf)).size === 1)
  const together = new Set(shared.flat())
  const singles = plans.filter((plan) => !together.has(plan)).map((plan): AdapterPlans => [plan])
  return [...(shared as unknown as readonly AdapterPlans[]), ...singles]
}

/** The adapters before one input on a device. */
interface PlacedGroup extends JoinedAdapters {
  readonly adapters: readonly PlacedAdapter[]
  /** Where the values stand in the flat values. */
  readonly places: readonly ValueSpan[]
}

function placeGroup(
  values: Float32Array,
  plans: AdapterPlans,
  slots: ReadonlyMap<string, Slot>,
  { share, grid }: BranchShare,
): PlacedGroup {
  const places = plans.flatMap((plan): ValueSpan[] => {
    const { condDim, mlpDim } = plan
    const slotOf = (name: SiteTensorName): Slot => slots.get(tensorKey(plan, name)) as Slot
    // The first rows of `mid` read the control. The order is that of `adapterLayout`.
    const midDown = { offset: slotOf("mid.0.weight").offset + condDim * mlpDim, size: mlpDim * mlpDim }
    return [
      ...[slotOf("down.0.weight"), slotOf("down.0.bias"), midDown],
      ...[slotOf("up.0.weight"), slotOf("up.0.bias")],
    ].map(({ offset, size }) => ({ offset, size }))
  })
  const list = concatenate(places.map(({ offset, size }) => values.subarray(offset, offset + size)))
  const group = { values: tf.tensor2d(list, [plans.length, list.length / plans.length]), share }
  const channels = slots.get(tensorKey(plans[0], "up.0.bias"))?.size ?? 0
  const leaves = [group.values, share]
  const adapters = plans.map(
    (plan, i): PlacedAdapter => ({
      ...{ plan, leaves },
      // These are read where the group does not run as one.
      get down() {
        return layersOf(group, channels, i).down
      },
      get midDown() {
        return layersOf(group, channels, i).midDown
      },
      get up() {
        return layersOf(group, channels, i).up
      },
    }),
  )
  return { ...group, grid, adapters, places }
}
