import type { Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import { imageToFloats } from "../image.ts"
import type { ActiveAdapter } from "../models/lllite/adapter.ts"
import { adaptedInputs, adaptersByPath, createShares, keyOf } from "../models/lllite/adapter.ts"
import type { PatchSet } from "../models/lllite/conditioner.ts"
import { createPatchSet, cutPatches, patchGrid, patchTensor } from "../models/lllite/conditioner.ts"
import { withHole } from "../models/lllite/hole.ts"
import type { LlliteModel, Slot } from "../models/lllite/layout.ts"
import { flatStrides, fromFileLayout, layOutSlots, toFileLayout } from "../models/lllite/layout.ts"
import type { AdapterParams, LlliteParams } from "../models/lllite/params.ts"
import { disposeLllite, uploadLllite } from "../models/lllite/params.ts"
import type { Ops } from "../ops/ops.ts"
import { concatenate } from "./concatenate.ts"
import type { TrainedTap } from "./gradients.ts"
import type { Dropout, Trainable, TrainBatch } from "./trainable.ts"
import type { ValuePart } from "./value-part.ts"

/** How LLLites train. Their groups are `conditioning1`, `down`, `mid` and `up`. */
export const LLLITE: Trainable<LlliteModel> = {
  kind: "lllite",

  parts: ({ slots }) => slots.map(partOf),

  place(ops, model, batch) {
    const lllite = uploadLllite(model)
    const control = cutBatch(model, batch)
    return {
      ...trainedLllite(ops, lllite, control, batch),
      dispose() {
        control.dispose()
        disposeLllite(lllite)
      },
    }
  },

  tensor: ({ values }, { shape, offset, size }) => toFileLayout(values.subarray(offset, offset + size), shape),

  fill({ adapters }, tensor) {
    const { slots, size } = layOutSlots(adapters)
    const values = new Float32Array(size)
    for (const slot of slots) values.set(fromFileLayout(tensor(partOf(slot)), slot.fileShape), slot.offset)
    return { adapters, slots, values }
  },
}

function partOf({ key, name, fileShape, offset, size }: Slot): ValuePart {
  const [group = name] = name.split(".")
  return { name: key, group, shape: fileShape, offset, size, strides: flatStrides(fileShape) }
}

/**
 * The controls of a batch, cut for every site of an LLLite. Each control is cut once for all steps, unless it has a hole,
 * which is another at each step.
 */
function cutBatch({ adapters }: LlliteModel, { examples, memo, draws }: TrainBatch): PatchSet {
  const [first] = examples
  if (first === undefined) throw new CoreError("batch-empty", "training: the batch has no example")
  const { width, height } = first
  return createPatchSet(adapters, (form) => {
    const holes = form.channels === 4 ? draws.holes({ width, height }) : []
    const parts = examples.map((example, row) => {
      const hole = holes[row]
      if (hole !== undefined) return cutPatches(withHole(example.control, hole), form).values
      return memo.of(example, `control patches of depth ${form.depth}`, () => {
        return cutPatches({ count: 1, width, height, data: imageToFloats(example.control) }, form).values
      })
    })
    return patchTensor(examples.length, patchGrid(first, form.depth), concatenate(parts), form)
  })
}

/**
 * An LLLite as a tap that trains. Every layer computes the control's share anew, because the conditioner trains, too.
 * Layers with the same input and trunk run the trunk once.
 *
 * @param control N control images, cut for every site of the LLLite
 * @param batch the strengths of its N rows, and its dropout
 * @throws CoreError (from the tap) when no control images were cut for a site
 */
export function trainedLllite(
  ops: Ops,
  lllite: LlliteParams,
  control: Pick<PatchSet, "of">,
  { strengths: rowStrengths, dropout }: Pick<TrainBatch, "strengths" | "dropout"> = {},
): TrainedTap {
  const adapters = adaptersByPath(lllite)
  return {
    leaves: lllite.leaves,
    leavesAt({ network, path }) {
      const adapter = network === "unet" ? adapters.get(path) : undefined
      return adapter === undefined ? [] : adapter.leaves
    },
    tap: {
      has: ({ network, path }) => network === "unet" && adapters.has(path),
      reads({ path }, { grid }, count) {
        const adapter = adapters.get(path)
        const patches = adapter === undefined ? undefined : control.of(adapter.plan)
        // What dropout keeps and strengths are drawn anew in each step. A record of them would be used once.
        const isDrawn = dropout !== undefined || rowStrengths !== undefined
        if (adapter === undefined || patches === undefined || grid === null || isDrawn) return null
        return {
          key: `lllite ${keyOf(patches.grid, Array<number>(count).fill(1))}`,
          reads: [patches.patches],
          trained: adapter.leaves,
        }
      },
      before(layers, x, { grid }) {
        if (grid === null) return layers.map(() => x)
        const [count = 0] = x.shape
        const strengths = rowStrengths ?? Array<number>(count).fill(1)
        const shares = createShares(ops)
        const active = layers.map(({ path }): ActiveAdapter | null => {
          const adapter = adapters.get(path)
          if (adapter === undefined) return null
          const patches = control.of(adapter.plan)
          if (patches === undefined) {
            throw new CoreError(
              "control-missing",
              `training: no control images were cut for depth ${adapter.plan.site.depth}`,
            )
          }
          const share = shares.of(adapter, patches)
          const keep = dropout === undefined ? {} : { keep: keepOf(adapter, count, dropout) }
          return { adapter, control: { share, grid: patches.grid }, strengths, ...keep }
        })
        return adaptedInputs(ops, active, x, grid)
      },
    },
  }
}

/** What dropout keeps after `mid`'s ReLU. It is the same when a block runs again. */
function keepOf({ plan }: AdapterParams, count: number, { rate, draws }: Dropout): (tokens: number) => Tensor3D {
  return (tokens) => {
    const drawn = draws.keeps(plan.site.key, tokens, plan.mlpDim)
    const factors = drawn.map((value) => (value >= rate ? 1 / (1 - rate) : 0))
    return tf.tensor3d(factors, [count, tokens, plan.mlpDim])
  }
}
