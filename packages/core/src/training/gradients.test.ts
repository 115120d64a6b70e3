import { unetTable } from "@lllite/format"
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../../reference/synthetic.ts"
import { loadSynthetic } from "../../reference/weights.ts"
import { createLowRank, type LowRank, lowRankTap } from "../../test/low-rank-tap.ts"
import { countedBlocks, disposeResiduals, residualsOf } from "../../test/small-unet-parts.ts"
import { SMALL_UNET } from "../../test/synthetic-sdxl.ts"
import { startWasm } from "../../test/wasm.ts"
import { unetWidths, vectorDimOf } from "../models/unet/config.ts"
import type { UnetParams } from "../models/unet/params.ts"
import type { UnetInput } from "../models/unet/unet.ts"
import { unet } from "../models/unet/unet.ts"
import { buildUnet } from "../models/unet/weights.ts"
import type { Ops } from "../ops/ops.ts"
import { disposeParams } from "../params.ts"
import { type FinalGradient, joinRanges, lossAndGradients, type TrainedTap, type ValueSpan } from "./gradients.ts"

const { layers } = unetTable(SMALL_UNET.layout, unetWidths(SMALL_UNET))
// TensorFlow.js has no gradient of a convolution's filter on WASM.
const linears = layers.filter(({ kind }) => kind === "linear")
const loss = (prediction: Tensor4D): tf.Scalar => tf.sum(tf.square(prediction))

let ops: Ops
let params: UnetParams
let input: UnetInput
beforeAll(async () => {
  ops = await startWasm()
  params = await loadSynthetic("a U-Net", buildUnet(SMALL_UNET), ops.load)
  input = inputOf(8, 8)
})
afterAll(() => {
  disposeParams(params)
  disposeInput(input)
})

function inputOf(height: number, width: number): UnetInput {
  const { contextDim } = SMALL_UNET
  const vectorDim = vectorDimOf(SMALL_UNET)
  return {
    latents: tf.tensor4d(signal("latents", [2, height, width, 4]), [2, height, width, 4]),
    timesteps: [999, 20],
    context: tf.tensor3d(signal("context", [2, 7, contextDim]), [2, 7, contextDim]),
    vector: tf.tensor2d(signal("vector", [2, vectorDim]), [2, vectorDim]),
  }
}

function disposeInput({ latents, context, vector }: UnetInput): void {
  tf.dispose([latents, context, vector])
}

describe("gradients through a tap", () => {
  const some = linears.filter(({ path }) => /^(input_blocks.4.1|middle_block.0|output_blocks.5.0)/.test(path))
  let lowRank: LowRank
  beforeAll(() => {
    lowRank = createLowRank(some)
  })
  afterAll(() => lowRank.dispose())

  /** The norm of the gradient, from the loss at two points along the gradient. */
  function slopeAlong(direction: Float32Array): number {
    const norm = Math.hypot(...direction)
    const at = (by: number): number =>
      tf.tidy(() => {
        let from = 0
        const moved = new Map(
          lowRank.leaves.map((leaf) => {
            const part = direction.slice(from, from + leaf.size)
            from += leaf.size
            return [leaf, tf.add(leaf, tf.mul(tf.tensor(part, leaf.shape), by / norm))]
          }),
        )
        const tap = lowRankTap((layer) => {
          const [down, up] = lowRank.leavesAt(layer).map((leaf) => moved.get(leaf))
          return down === undefined || up === undefined ? undefined : { down: down as Tensor4D, up: up as Tensor2D }
        })
        return loss(unet(ops, params, input, { tap })).dataSync()[0] as number
      })
    return (at(0.02) - at(-0.02)) / 0.04
  }

  it("are the derivative of the loss, on one tape and stage by stage", async () => {
    // Weights may keep a copy of themselves from the first backward pass on.
    await lossAndGradients(ops, params, lowRank, input, loss)
    const before = tf.memory().numTensors
    const once = await lossAndGradients(ops, params, lowRank, input, loss)
    const stages = await lossAndGradients(ops, params, lowRank, input, loss, { checkpointing: true })
    const norm = Math.hypot(...once.gradients)
    expect(norm).toBeGreaterThan(0)
    expect(Math.hypot(...once.gradients.map((value, i) => value - (stages.gradients[i] as number)))).toBeLessThan(
      1e-4 * norm,
    )
    expect(Math.abs(slopeAlong(once.gradients) - norm)).toBeLessThan(0.02 * norm)
    expect(tf.memory().numTensors).toBe(before)
  })

  it("are the same through a runtime's blocks, which keep or run again, with residuals", async () => {
    const before = tf.memory().numTensors
    const calls = { forward: 0, keep: 0, back: 0 }
    const counted = countedBlocks(calls)
    const residuals = residualsOf(0.3)
    const wanted = await lossAndGradients(ops, params, lowRank, input, loss, { residuals })
    const norm = Math.hypot(...wanted.gradients)
    for (const checkpointing of [false, true]) {
      const found = await lossAndGradients(ops, params, lowRank, input, loss, {
        residuals,
        checkpointing,
        blocks: counted,
      })
      expect(Math.abs(found.loss - wanted.loss)).toBeLessThan(1e-5 * Math.abs(wanted.loss))
      const error = Math.hypot(...found.gradients.map((value, i) => value - (wanted.gradients[i] as number)))
      expect(error).toBeLessThan(1e-4 * norm)
    }
    // Four stages come before the first leaf. Fifteen have a backward pass, twice.
    expect(calls).toEqual({ forward: 2 * 4 + 15, keep: 15, back: 15 })
    disposeResiduals(residuals)
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe("gradients that are read early", () => {
  const some = linears.filter(({ path }) => /^(input_blocks.4.0|middle_block.0|output_blocks.0.0)/.test(path))
  let lowRank: LowRank
  beforeAll(() => {
    lowRank = createLowRank(some)
  })
  afterAll(() => lowRank.dispose())

  /** The flat list, and what was read before its end. */
  async function readEarly(
    trained: TrainedTap,
    readAtOnce?: number,
  ): Promise<{ whole: Float32Array; early: FinalGradient[][] }> {
    const early: FinalGradient[][] = []
    const { gradients } = await lossAndGradients(ops, params, trained, input, loss, {
      checkpointing: true,
      onFinal: (final) => early.push([...final]),
      ...(readAtOnce === undefined ? {} : { readAtOnce }),
    })
    return { whole: gradients, early }
  }

  it("are the result's, block by block from the last to the first", async () => {
    const { whole, early } = await readEarly(lowRank, 1)
    const pathOf = (offset: number): string => {
      let from = 0
      for (const layer of some) {
        from += lowRank.leavesAt(layer).reduce((sum, { size }) => sum + size, 0)
        if (offset < from) return layer.path
      }
      return ""
    }
    expect(early.map((final) => pathOf(final[0]?.places[0]?.offset ?? Number.NaN).split(".", 1)[0])).toEqual([
      "output_blocks",
      "middle_block",
      "input_blocks",
    ])
    const put = new Float32Array(whole.length)
    for (const { values, places } of early.flat()) {
      expect(places.reduce((sum, { size }) => sum + size, 0)).toBe(values.length)
      for (const { offset } of places) put.set(values, offset)
    }
    expect(put).toEqual(whole)
    expect(Math.hypot(...whole)).toBeGreaterThan(0)
  })

  it("wait until enough of them are final, by default until the end of so few", async () => {
    const sizes = some.map((layer) => lowRank.leavesAt(layer).reduce((sum, { size }) => sum + size, 0))
    const two = (sizes[1] ?? 0) + (sizes[2] ?? 0)
    const exactly = await readEarly(lowRank, two)
    expect(exactly.early.map((final) => final.reduce((sum, { values }) => sum + values.length, 0))).toEqual([two])
    expect((await readEarly(lowRank, two + 1)).early.map((final) => final.length)).toEqual([6])
    expect((await readEarly(lowRank)).early).toEqual([])
  })

  it("are whole where a leaf acts in several blocks", async () => {
    // The middle's factors act after the layer of the output block, too.
    const [, middle, output] = some
    if (middle === undefined || output === undefined) throw new Error("layers are missing")
    const shared: TrainedTap = {
      leaves: lowRank.leavesAt(middle),
      leavesAt: ({ path }) => (path === middle.path || path === output.path ? lowRank.leavesAt(middle) : []),
      tap: lowRankTap(({ path }) => {
        if (path !== middle.path && path !== output.path) return undefined
        const [down, up] = lowRank.leavesAt(middle)
        return { down: down as Tensor4D, up: up as Tensor2D }
      }),
    }
    expect([output.inDim, output.outDim]).toEqual([middle.inDim, middle.outDim])
    const { whole, early } = await readEarly(shared, 1)
    expect(early.flat().map(({ places }) => places[0]?.offset)).toEqual([0, lowRank.leavesAt(middle)[0]?.size])
    expect(Float32Array.from(early.flat().flatMap(({ values }) => [...values]))).toEqual(whole)
  })

  it("leave out what is not a value, and stand where the values have their places", async () => {
    const plain = await lossAndGradients(ops, params, lowRank, input, loss, { checkpointing: true })
    const sizes = lowRank.leaves.map(({ size }) => size)
    // The values stand in the reverse order of the leaves, and the first leaf has two parts there.
    let end = plain.gradients.length
    const spans = sizes.map((size): ValueSpan => {
      end -= size
      return { offset: end, size }
    })
    const [{ offset, size } = { offset: 0, size: 0 }, ...rest] = spans
    const places = [
      [
        { offset: offset + 1, size: size - 1 },
        { offset, size: 1 },
      ],
      ...rest.map((span) => [span]),
    ]
    const direct = new Map(lowRank.leaves.slice(1).map((leaf, i) => [leaf, places[i + 1] ?? []]))
    const values = {
      places,
      direct,
      back: (gradients: readonly Tensor[]): readonly Tensor[] => {
        const [first, ...others] = gradients as [Tensor, ...Tensor[]]
        const twice = tf.mul(first, 2)
        first.dispose()
        return [twice, ...others]
      },
    }
    const { whole, early } = await readEarly({ ...lowRank, values }, 1)
    const wanted = new Float32Array(whole.length)
    let from = 0
    for (const [i, spans] of places.entries()) {
      for (const span of spans) {
        const part = plain.gradients.slice(from, from + span.size)
        wanted.set(i === 0 ? part.map((value) => 2 * value) : part, span.offset)
        from += span.size
      }
    }
    expect(whole).toEqual(wanted)
    expect(
      early
        .flat()
        .map((final) => final.places)
        .sort((a, b) => (b[0]?.offset ?? 0) - (a[0]?.offset ?? 0)),
    ).toEqual(places.slice(1))
  })

  it("are none of a run that is aborted between two blocks, and no tensor is left", async () => {
    const before = tf.memory().numTensors
    const stop = new Error("stop")
    for (const end of [1, 2, 9, 20, 25]) {
      const controller = new AbortController()
      let pauses = 0
      const pause = async (): Promise<void> => {
        pauses += 1
        if (pauses === end) controller.abort(stop)
      }
      const { signal } = controller
      const options = { checkpointing: true, signal, pause }
      await expect(lossAndGradients(ops, params, lowRank, input, loss, options)).rejects.toBe(stop)
      expect(pauses).toBe(end)
    }
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe("what cannot train", () => {
  it("is refused: leaves without a place, and pictures that the network cannot halve twice", async () => {
    const lowRank = createLowRank(linears.filter(({ path }) => path.startsWith("middle_block.0")))
    const [down] = lowRank.leaves
    const nowhere: TrainedTap = { ...lowRank, leavesAt: () => [] }
    await expect(lossAndGradients(ops, params, nowhere, input, loss)).rejects.toThrow(
      "training: 0 of 2 tensors that train have a place in this U-Net's blocks",
    )
    const half: TrainedTap = {
      ...lowRank,
      leavesAt: (layer) => lowRank.leavesAt(layer).filter((leaf) => leaf === down),
    }
    await expect(lossAndGradients(ops, params, half, input, loss)).rejects.toThrow("1 of 2 tensors that train")
    for (const [height, width] of [
      [8, 6],
      [6, 8],
    ] as const) {
      const odd = inputOf(height, width)
      await expect(lossAndGradients(ops, params, lowRank, odd, loss)).rejects.toThrow(
        `latents are ${width}×${height}, expected multiples of 4`,
      )
      disposeInput(odd)
    }
    lowRank.dispose()
  })
})

describe("ranges", () => {
  it("are joined where they touch, in their order", () => {
    const apart = [
      [10, 12],
      [0, 2],
      [5, 7],
      [2, 5],
    ] as const
    expect(joinRanges(apart)).toEqual([
      [0, 7],
      [10, 12],
    ])
    expect(joinRanges([])).toEqual([])
    expect(apart[0]).toEqual([10, 12])
  })
})
