import { CoreError } from "../errors.ts"
import type { ActiveAdapter } from "../models/lllite/adapter.ts"
import { adaptedInputs, adaptersByPath, controlShare } from "../models/lllite/adapter.ts"
import type { ControlPatches, Depth } from "../models/lllite/conditioner.ts"
import type { LlliteParams } from "../models/lllite/params.ts"
import { leavesOf } from "../models/lllite/params.ts"
import type { Ops } from "../ops/ops.ts"
import type { TrainedTap } from "./gradients.ts"

/**
 * An LLLite as a tap that trains. The control's share is computed anew at every layer, since the conditioner trains too.
 *
 * @param control N control images, cut for every depth of the LLLite
 */
export function trainedLllite(ops: Ops, lllite: LlliteParams, control: ReadonlyMap<Depth, ControlPatches>): TrainedTap {
  const adapters = adaptersByPath(lllite)
  return {
    leaves: lllite.leaves,
    leavesAt({ network, path }) {
      const adapter = network === "unet" ? adapters.get(path) : undefined
      return adapter === undefined ? [] : leavesOf(adapter)
    },
    tap: {
      has: ({ network, path }) => network === "unet" && adapters.has(path),
      before(layers, x, { grid }) {
        if (grid === null) return layers.map(() => x)
        const [count = 0] = x.shape
        const strengths = Array<number>(count).fill(1)
        const active = layers.map(({ path }): ActiveAdapter | null => {
          const adapter = adapters.get(path)
          if (adapter === undefined) return null
          const patches = control.get(adapter.plan.site.depth)
          if (patches === undefined) {
            throw new CoreError(`training: no control images were cut for depth ${adapter.plan.site.depth}`)
          }
          return { adapter, control: { share: controlShare(ops, adapter, patches), grid: patches.grid }, strengths }
        })
        return adaptedInputs(ops, active, x, grid)
      },
    },
  }
}
