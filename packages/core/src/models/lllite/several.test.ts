import { enumerateSites, NAMED_SELECTIONS } from "@lllite/format/selections"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { signal } from "../../../reference/synthetic.ts"
import { startWasm } from "../../../test/wasm.ts"
import { adapterLayout } from "../../ops/adapt-group.ts"
import type { Ops } from "../../ops/ops.ts"
import { createStream } from "../../random/stream.ts"
import type { ActiveAdapter, JoinedAdapters } from "./adapter.ts"
import { adaptedInputs, controlShare, createShares, cutControls, prepareControl } from "./adapter.ts"
import type { AdapterPlan } from "./layout.ts"
import { layOutSlots } from "./layout.ts"
import { type AdapterParams, disposeLllite, type LlliteParams, uploadLllite } from "./params.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const ALL = enumerateSites(LAYOUT, NAMED_SELECTIONS.transformerAll)
const GRID = { height: 2, width: 3 }

let ops: Ops
beforeAll(async () => {
  ops = await startWasm()
})

function drawn(adapters: readonly AdapterPlan[]): LlliteParams {
  const { slots, size } = layOutSlots(adapters)
  return uploadLllite({ adapters, slots, values: createStream(1, "values").normal(size) })
}

function named<T extends Tensor = Tensor3D>(name: string, shape: number[]): T {
  return tf.tensor(signal(name, shape), shape) as T
}

function apart(a: Tensor, b: Tensor): number {
  return tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] as number)
}

describe("adapters with one trunk", () => {
  it("read one embedding for each trunk, and have shares of their own", () => {
    const before = tf.memory().numTensors
    const deep = ALL.filter(({ depth }) => depth === 3).slice(0, 2)
    const flat = ALL.filter(({ depth }) => depth === 2).slice(0, 2)
    const plans = [...deep, ...flat].map((site) => ({ site, condDim: 4, mlpDim: 3, sharedTrunk: true }))
    const lllite = drawn(plans)
    const data = createStream(2, "picture").normal(64 * 96 * 3)
    const images = { count: 1, height: 64, width: 96, data }
    let products = 0
    const counted: Ops = {
      ...ops,
      dense: (...read) => {
        products += 1
        return ops.dense(...read)
      },
    }
    const cut = cutControls(lllite, images)
    const shares = createShares(counted)
    const made = [...lllite.adapters.values()].map((adapter) => {
      const patches = cut.of(adapter.plan)
      if (patches === undefined) throw new Error("no patches")
      return { share: shares.of(adapter, patches), alone: controlShare(ops, adapter, patches) }
    })
    // Three layers of one trunk, two of the other, and a share for each of four adapters.
    expect(products).toBe(3 + 2 + 4)
    for (const { share, alone } of made) expect(apart(share, alone)).toBeLessThan(1e-6)
    shares.dispose()
    for (const { share } of made) expect(share.dataSync().length).toBeGreaterThan(0)
    cut.dispose()
    tf.dispose(made.flatMap(({ share, alone }) => [share, alone]))
    products = 0
    prepareControl(counted, lllite, images).dispose()
    expect(products).toBe(3 + 2 + 4)
    disposeLllite(lllite)
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe("adapters before one input", () => {
  const [first, second] = ALL.filter(({ section, attention }) => section === "middle" && attention === "self")
  const plans = [first, second].map((site) => ({ site, condDim: 4, mlpDim: 3 }) as AdapterPlan)

  /** Two adapters in use over two pictures. */
  function pair(
    strengths: readonly (readonly number[])[] = [
      [1, 0.5],
      [1, 0.5],
    ],
    grid = GRID,
  ) {
    const lllite = drawn(plans)
    const adapters = [...lllite.adapters.values()] as [AdapterParams, AdapterParams]
    const control = { share: named("share", [2, grid.height * grid.width, 3]), grid }
    const active = adapters.map((adapter, i): ActiveAdapter => ({ adapter, control, strengths: strengths[i] ?? [] }))
    return { adapters, active, control, lllite }
  }
  const x = (tokens = 6): Tensor3D => named("x", [2, tokens, 16])

  /** x with an adapter's delta. */
  function byHand(input: Tensor, { adapter, control, strengths }: ActiveAdapter, keep: Tensor = tf.scalar(1)): Tensor {
    const { down, midDown, up } = adapter
    const rows = (h: Tensor, { weight, bias }: typeof up): Tensor =>
      tf.add(
        tf.reshape(tf.matMul(tf.reshape(h, [-1, h.shape.at(-1) as number]), weight), [...h.shape.slice(0, -1), -1]),
        bias,
      )
    const low = tf.relu(rows(input, down))
    const mid = tf.relu(tf.add(rows(low, { weight: midDown, bias: tf.zeros([3]) as typeof up.bias }), control.share))
    return tf.add(input, tf.mul(rows(tf.mul(mid, keep), up), tf.tensor([...strengths], [2, 1, 1])))
  }

  it("leave out what dropout leaves out, by factors for each token", () => {
    tf.tidy(() => {
      const { active } = pair()
      const keep = named("keep", [2, 6, 3])
      const asked: number[] = []
      const kept = active.map((one, i) =>
        i === 1
          ? one
          : {
              ...one,
              keep: (tokens: number) => {
                asked.push(tokens)
                return keep
              },
            },
      )
      const found = adaptedInputs(ops, kept, x(), GRID)
      expect(asked).toEqual([6])
      expect(apart(found[0] as Tensor, byHand(x(), active[0] as ActiveAdapter, keep))).toBeLessThan(1e-5)
      expect(apart(found[1] as Tensor, byHand(x(), active[1] as ActiveAdapter))).toBeLessThan(1e-5)
    })
  })

  it("run as one group where they are all of it, at one grid, with one strength for each picture", () => {
    tf.tidy(() => {
      const run = (
        { active, adapters }: ReturnType<typeof pair>,
        changes: Partial<JoinedAdapters> = {},
        grid = GRID,
      ): number => {
        let calls = 0
        const grouped: Ops = {
          ...ops,
          adaptGroup: (tokens, _, strengths) => {
            calls += 1
            expect(strengths).toEqual([1, 0.5])
            return adapters.map((_, i) => tf.fill(tokens.shape, i + 1) as Tensor3D)
          },
        }
        const size = adapterLayout(16, 3).size
        const group: JoinedAdapters = {
          adapters,
          grid: GRID,
          values: tf.zeros([2, size]),
          share: tf.zeros([2, 2, 6, 3]),
          ...changes,
        }
        const found = adaptedInputs(grouped, active, x(grid.height * grid.width), grid, { group })
        expect(found).toHaveLength(active.length)
        const values = found.map((y) => y.dataSync()[0])
        expect(values.join() === "1,2").toBe(calls === 1)
        return calls
      }
      expect(run(pair())).toBe(1)
      expect(
        run(
          pair([
            [1, 0.5],
            [1, 0.25],
          ]),
        ),
      ).toBe(0)
      expect(
        run(
          pair([
            [1, 0.5],
            [0.5, 0.5],
          ]),
        ),
      ).toBe(0)
      const { adapters, active, ...rest } = pair()
      expect(run({ ...rest, adapters, active }, { adapters: [...adapters].reverse() })).toBe(0)
      expect(run({ ...rest, adapters, active }, { adapters: adapters.slice(0, 1) })).toBe(0)
      expect(run({ ...rest, adapters, active }, { grid: { height: 3, width: 2 } })).toBe(0)
      const kept = active.map((one) => ({ ...one, keep: () => tf.ones<tf.Rank.R3>([2, 6, 3]) }))
      expect(run({ ...rest, adapters, active: kept })).toBe(0)
      expect(
        run(
          pair(
            [
              [1, 0.5],
              [1, 0.5],
            ],
            { height: 4, width: 6 },
          ),
          {},
          { height: 4, width: 6 },
        ),
      ).toBe(0)
    })
  })

  it.each([
    { height: 2, width: 9 },
    { height: 4, width: 3 },
    { height: 3, width: 2 },
  ])("have the gradient of the share that the nearest token read: %j", (grid) => {
    tf.tidy(() => {
      const { active } = pair()
      const [one] = active as [ActiveAdapter, ActiveAdapter]
      const tokens = grid.height * grid.width
      const nearest = (at: number, from: number, count: number): number => Math.floor(((at + 0.5) * from) / count)
      const places = Array.from(
        { length: tokens },
        (_, i) => nearest(Math.floor(i / grid.width), 2, grid.height) * 3 + nearest(i % grid.width, 3, grid.width),
      )
      const dy = named("dy", [2, tokens, 16])
      const slopeOf = (shareOf: (share: Tensor) => { share: Tensor3D; grid: typeof GRID }): Tensor =>
        tf.grad((share: Tensor) => {
          const control = shareOf(share)
          return adaptedInputs(ops, [{ ...one, control }], x(tokens), grid)[0] as Tensor
        })(one.control.share, dy)
      const found = slopeOf((share) => ({ share: share as Tensor3D, grid: GRID }))
      // A matrix of ones and zeros takes the places.
      const matrix = tf.oneHot(tf.tensor1d(places, "int32"), 6)
      const wanted = slopeOf((share) => ({
        share: tf.stack(
          [0, 1].map((row) =>
            tf.matMul(
              tf.cast(matrix, "float32") as tf.Tensor2D,
              tf.reshape(tf.slice(share, [row, 0, 0], [1, 6, 3]), [6, 3]),
            ),
          ),
        ) as Tensor3D,
        grid,
      }))
      expect(tf.max(tf.abs(wanted)).dataSync()[0]).toBeGreaterThan(0.01)
      expect(apart(found, wanted)).toBeLessThan(1e-4)
    })
  })
})
