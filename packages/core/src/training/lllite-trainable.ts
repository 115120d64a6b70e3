import { CONTROL_LATENT_CHANNELS } from "@lllite/format"
import type { Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { imageToFloats } from "../image.ts"
import { checkOps } from "../models/given.ts"
import type { ActiveAdapter } from "../models/lllite/adapter.ts"
import { adaptedInputs, keyOf } from "../models/lllite/adapter.ts"
import type { PatchSet } from "../models/lllite/conditioner.ts"
import { createPatchSet, cutPatches, patchGrid, patchTensor } from "../models/lllite/conditioner.ts"
import type { ControlPatches, Depth } from "../models/lllite/control-patches.ts"
import { withHole } from "../models/lllite/hole.ts"
import { cutLatents, noControlLatents } from "../models/lllite/latent-patches.ts"
import type { LlliteModel, Slot } from "../models/lllite/layout.ts"
import {
  checkModel,
  checkSlots,
  flatStrides,
  fromFileLayout,
  layOutSlots,
  toFileLayout,
} from "../models/lllite/layout.ts"
import type { AdapterLayers } from "../models/lllite/params.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import type { Ops } from "../ops/ops.ts"
import { concatenate } from "./concatenate.ts"
import type { CachedExample } from "./dataset.ts"
import { type PlacedAdapter, placeBeforeBlocks, placeInBlocks } from "./lllite-placement.ts"
import type { Dropout, PlacedTrainable, Trainable, TrainBatch } from "./trainable.ts"
import type { ValuePart } from "./value-part.ts"

/** How LLLites train. Their groups are `conditioning1`, `down`, `mid` and `up`. */
export const LLLITE: Trainable<LlliteModel> = {
  kind: "lllite",

  parts(model) {
    checkSlots("training", model)
    return model.slots.map(partOf)
  },

  place(ops, model, batch) {
    const control = cutBatch(model, batch)
    const placed = trainedLllite(ops, model, control, batch)
    return {
      ...placed,
      dispose() {
        placed.dispose()
        control.dispose()
      },
    }
  },

  tensor: ({ values }, { shape, offset, size }) => toFileLayout(values.subarray(offset, offset + size), shape),

  fill(like, tensor) {
    checkSlots("training", like)
    const { adapters } = like
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
    if (form.input === "latent") return cutBatchLatents(examples, first, form.depth)
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

/** The controls of a batch, cut as latents. */
function cutBatchLatents(
  examples: readonly CachedExample[],
  { width, height }: Pick<CachedExample, "width" | "height">,
  depth: Depth,
): ControlPatches {
  const values = examples.map(({ controlLatents }) => {
    if (controlLatents === undefined) throw noControlLatents("training")
    return controlLatents
  })
  const shape = [examples.length, height / VAE_FACTOR, width / VAE_FACTOR, CONTROL_LATENT_CHANNELS] as const
  const latents = tf.tensor4d(concatenate(values), [...shape])
  const cut = cutLatents(latents, depth)
  latents.dispose()
  return cut
}

/**
 * An LLLite as a tap that trains. The conditioners train, too, so every step computes the control's shares anew. A runtime
 * that computes layers side by side gets all conditioners before the blocks: see `placeBranches`. On any other, they run
 * in the blocks. The caller disposes the result.
 *
 * @param control N control images, cut for every site of the LLLite
 * @param batch the strengths of its N rows, and its dropout
 * @throws CoreError (here or from the tap) when no control images were cut for a site
 */
export function trainedLllite(
  ops: Ops,
  model: LlliteModel,
  control: Pick<PatchSet, "of">,
  batch: Pick<TrainBatch, "strengths" | "dropout"> = {},
): PlacedTrainable {
  checkOps("training", ops)
  checkModel("training", model)
  checkGiven("training: the control", control, "of", "a trainable")
  checkArgument("training: the batch", batch, "an object")
  const { strengths: rowStrengths, dropout } = batch
  const { denseStack } = ops
  const placement =
    denseStack === undefined
      ? placeInBlocks(ops, model, control)
      : placeBeforeBlocks({ ...ops, denseStack }, model, control)
  const { adapters, leaves, values, dispose } = placement
  return {
    ...{ leaves, dispose },
    ...(values === undefined ? {} : { values }),
    leavesAt: ({ network, path }) => (network === "unet" ? (adapters.get(path)?.leaves ?? []) : []),
    tap: {
      has: ({ network, path }) => network === "unet" && adapters.has(path),
      reads({ path }, { grid }, count) {
        const adapter = adapters.get(path)
        // What dropout keeps and strengths are drawn anew in each step. A record of them would be used once.
        const isDrawn = dropout !== undefined || rowStrengths !== undefined
        if (adapter === undefined || grid === null || isDrawn) return null
        const made = placement.madeOf(adapter)
        return {
          key: `lllite ${keyOf(made.grid, Array<number>(count).fill(1))}`,
          reads: made.reads,
          trained: adapter.leaves,
        }
      },
      before(layers, x, { grid }) {
        if (grid === null) return layers.map(() => x)
        const [count = 0] = x.shape
        const strengths = rowStrengths ?? Array<number>(count).fill(1)
        const shareOf = placement.shares()
        const active = layers.map(({ path }): ActiveAdapter | null => {
          const adapter = adapters.get(path)
          if (adapter === undefined) return null
          const keep = dropout === undefined ? {} : { keep: keepOf(adapter, count, dropout) }
          return { adapter, control: shareOf(adapter), strengths, ...keep }
        })
        const first = active.find((one) => one !== null)?.adapter as PlacedAdapter | undefined
        return adaptedInputs(ops, active, x, grid, { group: first && placement.groupOf?.(first) })
      },
    },
  }
}

/** What dropout keeps after `mid`'s ReLU. It is the same when a block runs again. */
function keepOf({ plan }: AdapterLayers, count: number, { rate, draws }: Dropout): (tokens: number) => Tensor3D {
  return (tokens) => {
    const drawn = draws.keeps(plan.site.key, tokens, plan.mlpDim)
    const factors = drawn.map((value) => (value >= rate ? 1 / (1 - rate) : 0))
    return tf.tensor3d(factors, [count, tokens, plan.mlpDim])
  }
}
