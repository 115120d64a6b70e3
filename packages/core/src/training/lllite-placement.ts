import type { SiteTensorName } from "@lllite/format"
import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { ControlShare, JoinedDown } from "../models/lllite/adapter.ts"
import { adaptersByPath, createShares, sharedInputs } from "../models/lllite/adapter.ts"
import type { ControlPatches, PatchSet } from "../models/lllite/conditioner.ts"
import type { AdapterPlan, LlliteModel, Slot } from "../models/lllite/layout.ts"
import { tensorKey } from "../models/lllite/layout.ts"
import type { AdapterLayers, AdapterParams } from "../models/lllite/params.ts"
import { disposeLllite, uploadLllite } from "../models/lllite/params.ts"
import type { Grid } from "../models/taps.ts"
import type { DenseParams, Ops } from "../ops/ops.ts"
import { placeBranches, type StackOps } from "./control-branches.ts"
import type { TrainedTap } from "./gradients.ts"

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
  /** The first layers side by side of the adapters before an adapter's input, where they are one tensor. */
  downOf?(adapter: PlacedAdapter): JoinedDown | undefined
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
 * Conditioners run before the blocks, where an adapter's share is one more leaf. First layers that read one input are one
 * leaf, side by side.
 */
export function placeBeforeBlocks(ops: StackOps, model: LlliteModel, control: Pick<PatchSet, "of">): Placement {
  const branches = placeBranches(ops, model, control)
  const slots = new Map(model.slots.map((slot) => [slot.key, slot]))
  const slotOf = (plan: AdapterPlan, name: SiteTensorName): Slot => slots.get(tensorKey(plan, name)) as Slot
  /** The leaves that are values, with the places of their equal parts. */
  const places = new Map<Tensor, readonly number[]>()
  const upload = <T extends Tensor>(shape: readonly number[], parts: readonly number[]): T => {
    const length = shape.reduce((product, side) => product * side, 1) / parts.length
    const values = new Float32Array(length * parts.length)
    for (const [i, place] of parts.entries()) values.set(model.values.subarray(place, place + length), i * length)
    const leaf = tf.tensor(values, [...shape]) as T
    places.set(leaf, parts)
    return leaf
  }
  /** First layers, whose outputs follow each other. */
  const downOf = (plans: readonly AdapterPlan[]): DenseParams => {
    const weights = plans.map((plan) => slotOf(plan, "down.0.weight"))
    const [width = 0, channels = 0] = weights[0]?.fileShape ?? []
    const rows = Array.from({ length: channels }, (_, row) => weights.map(({ offset }) => offset + row * width))
    return {
      weight: upload<Tensor2D>([channels, width * plans.length], plans.length === 1 ? (rows[0] ?? []) : rows.flat()),
      bias: upload<Tensor1D>(
        [width * plans.length],
        plans.map((plan) => slotOf(plan, "down.0.bias").offset),
      ),
    }
  }
  const groups = sharedInputs(model.adapters).filter((plans) => new Set(plans.map(({ mlpDim }) => mlpDim)).size === 1)
  const downs = groups.map((plans) => ({ plans, ...downOf(plans) }))
  const adapters = new Map(
    model.adapters.map((plan): [string, PlacedAdapter] => {
      const { condDim, mlpDim } = plan
      const [channels = 0] = slotOf(plan, "up.0.bias").fileShape
      const shared = downs.find(({ plans }) => plans.includes(plan))
      const own = shared ?? downOf([plan])
      const rest = {
        plan,
        // Its first rows read the control.
        midDown: upload<Tensor2D>([mlpDim, mlpDim], [slotOf(plan, "mid.0.weight").offset + condDim * mlpDim]),
        up: {
          weight: upload<Tensor2D>([mlpDim, channels], [slotOf(plan, "up.0.weight").offset]),
          bias: upload<Tensor1D>([channels], [slotOf(plan, "up.0.bias").offset]),
        },
      }
      const leaves = [own.weight, own.bias, rest.midDown, rest.up.weight, rest.up.bias, branches.shareOf(plan).share]
      const from = shared === undefined ? 0 : shared.plans.indexOf(plan) * mlpDim
      return [
        plan.site.path,
        {
          ...{ ...rest, leaves },
          get down() {
            return shared === undefined ? own : columnsOf(shared, from, mlpDim)
          },
        },
      ]
    }),
  )
  const all = [...adapters.values()]
  const leaves = [...new Set(all.flatMap((adapter) => adapter.leaves))]
  const joined = downs.map(
    ({ plans, weight, bias }): JoinedDown => ({
      ...{ weight, bias },
      adapters: all.filter(({ plan }) => plans.includes(plan)),
    }),
  )
  return {
    ...{ adapters, leaves },
    shares: () => (adapter) => branches.shareOf(adapter.plan),
    downOf: (adapter) => joined.find((each) => each.adapters.includes(adapter)),
    madeOf: ({ plan }) => ({ grid: branches.shareOf(plan).grid, reads: [] }),
    values: {
      back(gradients) {
        const found = new Map(leaves.map((leaf, i) => [leaf, gradients[i] as Tensor]))
        const slopeOf = (plan: AdapterPlan): Tensor => found.get(branches.shareOf(plan).share) as Tensor
        const ofBranches = branches.back(slopeOf)
        tf.dispose(model.adapters.map(slopeOf))
        return [...[...places.keys()].map((leaf) => found.get(leaf) as Tensor), ...ofBranches]
      },
      places: [...places.values(), ...branches.places],
    },
    dispose() {
      branches.dispose()
      tf.dispose(leaves)
    },
  }
}

/** One of several layers side by side. The scope around tracks the tensors. */
function columnsOf({ weight, bias }: DenseParams, from: number, width: number): DenseParams {
  return { weight: tf.slice(weight, [0, from], [-1, width]), bias: tf.slice(bias, [from], [width]) }
}
