import { type NetworkLayer, unetTable } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import { passRows } from "../../diffusion/pass-position.ts"
import type { Ops } from "../../ops/ops.ts"
import { createStream } from "../../random/stream.ts"
import { chainTaps, type Grid, sumTaps, type Tap, tapBefore, UNKNOWN_PASS } from "../taps.ts"
import type { PreparedControl } from "./adapter.ts"
import { adaptedInputs, llliteTap, prepareControl } from "./adapter.ts"
import { layOutSlots } from "./layout.ts"
import type { AdapterParams, LlliteParams } from "./params.ts"
import { disposeLllite, uploadLllite } from "./params.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const GRID = { height: 2, width: 3 }
const PLACE = { ...UNKNOWN_PASS, grid: GRID }
const IMAGES = { count: 1, height: 64, width: 96, data: new Float32Array(64 * 96 * 3).fill(0.3) }
/** Queries, keys and values of the middle's self-attention, then the queries of its cross-attention. */
const SITES = enumerateSites(LAYOUT).filter(({ section }) => section === "middle")

/** The layers behind the sites. */
const LAYERS = SITES.map(({ path }) => unetTable(LAYOUT).byPath.get(path) as NetworkLayer)

/** An LLLite on all sites of the middle except one. Every adapter has another width. */
function lllite(seed: number, without = -1): LlliteParams {
  const adapters = SITES.filter((_, i) => i !== without).map((site, i) => ({ site, condDim: 4, mlpDim: 3 + i }))
  const { slots, size } = layOutSlots(adapters)
  return uploadLllite({ adapters, slots, values: createStream(seed, "values").normal(size) })
}

describe("adapters before one input", () => {
  let ops: Ops
  let count = 0
  let counted: Ops
  let x: Tensor

  beforeAll(async () => {
    ops = await startWasm()
    counted = {
      ...ops,
      dense: (...inputs) => {
        count += 1
        return ops.dense(...inputs)
      },
    }
    x = tf.tensor(createStream(1, "x").normal(2 * 6 * 16), [2, 6, 16])
  })
  afterAll(() => x.dispose())

  /** The output of one adapter alone at a site, or x where there is none. */
  function alone(params: LlliteParams, control: PreparedControl, site: number, input: Tensor, strength = 1): Tensor {
    const key = SITES[site]?.key ?? ""
    const [adapter, share] = [params.adapters.get(key), control.shares.get(key)]
    if (adapter === undefined || share === undefined) return input.clone()
    const strengths = Array<number>(input.shape[0] ?? 0).fill(strength)
    return adaptedInputs(ops, [{ adapter, control: share, strengths }], input, GRID)[0] as Tensor
  }

  const inputsBy = (tap: Tap, layers: readonly NetworkLayer[]): readonly Tensor[] => tapBefore(tap, layers, x, PLACE)

  function expectSame(found: readonly Tensor[], wanted: readonly Tensor[]): void {
    expect(found).toHaveLength(wanted.length)
    for (const [i, tensor] of found.entries()) {
      const apart = tf.tidy(() => tf.max(tf.abs(tf.sub(tensor, wanted[i] as Tensor))).dataSync()[0])
      expect(apart).toBeLessThan(1e-5)
    }
  }

  it.each([-1, 0, 1])("compute what each computes alone, with one product for all (without %d)", (without) => {
    const before = tf.memory().numTensors
    const params = lllite(1, without)
    const control = prepareControl(ops, params, IMAGES)
    const qkv = LAYERS.slice(0, 3)
    expect(SITES.slice(0, 3).map(({ projection }) => projection)).toEqual(["q", "k", "v"])
    count = 0
    tf.tidy(() => {
      const read = inputsBy(llliteTap(counted, params, control, 0.5), qkv)
      // One `down` for all, and `mid` and `up` of each.
      expect(count).toBe(1 + 2 * (without < 0 ? 3 : 2))
      expectSame(
        read,
        [0, 1, 2].map((site) => alone(params, control, site, x, 0.5)),
      )
      expectSame(inputsBy(llliteTap(ops, params, control, 1), LAYERS.slice(3, 4)), [alone(params, control, 3, x)])
    })
    expect(control.downs.size).toBe(1)
    control.dispose()
    disposeLllite(params)
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each([[{ height: 4, width: 9 }], [{ height: 1, width: 2 }]])(
    "read the nearest token of a control on another grid: %j",
    (to) => {
      const params = lllite(1)
      const [site] = SITES
      const adapter = params.adapters.get(site?.key ?? "") as AdapterParams
      tf.tidy(() => {
        const share = tf.tensor3d(createStream(2, "share").normal(2 * 6 * 3), [2, 6, 3])
        const nearest = (at: number, from: number, count: number): number => Math.floor(((at + 0.5) * from) / count)
        const places = Array.from({ length: to.height * to.width }, (_, i) => {
          const row = nearest(Math.floor(i / to.width), GRID.height, to.height)
          return row * GRID.width + nearest(i % to.width, GRID.width, to.width)
        })
        const input = tf.tensor(createStream(3, "x").normal(2 * places.length * 16), [2, places.length, 16])
        const read = (control: { share: tf.Tensor3D; grid: Grid }): Tensor =>
          adaptedInputs(ops, [{ adapter, control, strengths: [1, 0.5] }], input, to)[0] as Tensor
        const gathered = tf.gather(share, tf.tensor1d(places, "int32"), 1)
        expectSame([read({ share, grid: GRID })], [read({ share: gathered, grid: to })])
        expect(tf.max(tf.abs(tf.sub(read({ share, grid: GRID }), input))).dataSync()[0]).toBeGreaterThan(1e-3)
      })
      disposeLllite(params)
    },
  )

  it("add as much as the strength is for each row at its step", () => {
    const params = lllite(1)
    const control = prepareControl(ops, params, IMAGES)
    const asked: string[] = []
    const tap = llliteTap(ops, params, control, ({ layer, position, row }) => {
      asked.push(`${layer.block} ${position.step}/${position.steps} ${row.guidance}`)
      return row.guidance === "cond" ? position.step / position.steps : 0
    })
    const position = { sigma: 7, timestep: 500, step: 3, steps: 4, between: false }
    const rows = passRows(1, true)
    tf.tidy(() => {
      const [read] = tap.before?.(LAYERS.slice(3, 4), x, { grid: GRID, position, rows }) ?? []
      const full = alone(params, control, 3, x, 0.75)
      const wanted = tf.concat([tf.slice(x, [0, 0, 0], [1, 6, 16]), tf.slice(full, [1, 0, 0], [1, 6, 16])])
      expectSame(read === undefined ? [] : [read], [wanted])
    })
    expect(asked).toEqual(["middle 3/4 uncond", "middle 3/4 cond"])
    // The position of this pass is unknown.
    expect(() => tap.before?.(LAYERS.slice(3, 4), x, PLACE)).toThrow("the pass has no position")
    control.dispose()
    disposeLllite(params)
  })

  it("chain and sum several LLLites site by site", () => {
    const all = [lllite(1), lllite(2, 1)]
    const controls = all.map((params) => prepareControl(ops, params, IMAGES))
    const taps = all.map((params, i): Tap => llliteTap(ops, params, controls[i] as PreparedControl, 1))
    const qkv = LAYERS.slice(0, 3)
    const by = (which: number, site: number, input: Tensor): Tensor =>
      alone(all[which] as LlliteParams, controls[which] as PreparedControl, site, input)
    tf.tidy(() => {
      // The last one sees x.
      expectSame(
        inputsBy(chainTaps(taps), qkv),
        [0, 1, 2].map((site) => by(0, site, by(1, site, x))),
      )
      expectSame(
        inputsBy(sumTaps(taps), qkv),
        [0, 1, 2].map((site) => tf.sub(tf.add(by(0, site, x), by(1, site, x)), x)),
      )
      expectSame(inputsBy(chainTaps([]), qkv), [x, x, x])
      expectSame(inputsBy(sumTaps([]), qkv), [x, x, x])
    })
    for (const control of controls) control.dispose()
    for (const params of all) disposeLllite(params)
  })

  it("compute for every adapter the gradients that it has alone", () => {
    const params = lllite(3)
    const control = prepareControl(ops, params, IMAGES)
    const down = SITES.slice(0, 3).map(({ key }) => (params.adapters.get(key) as AdapterParams).down)
    const leaves = [x, ...down.flatMap(({ weight, bias }) => [weight, bias])]
    const loss = (outputs: readonly Tensor[]): tf.Scalar => tf.sum(tf.square(tf.stack([...outputs])))
    const fresh: PreparedControl = { ...control, downs: new Map() }
    const together = tf.grads(() => loss(inputsBy(llliteTap(ops, params, fresh, 1), LAYERS.slice(0, 3))))(leaves)
    const apart = tf.grads(() => loss([0, 1, 2].map((site) => alone(params, control, site, x))))(leaves)
    for (const [i, gradient] of together.entries()) {
      const error = tf.tidy(() => {
        const wanted = apart[i] as Tensor
        return tf.div(tf.max(tf.abs(tf.sub(gradient, wanted))), tf.max(tf.abs(wanted))).dataSync()[0]
      })
      expect(error).toBeLessThan(1e-5)
    }
    tf.dispose([...together, ...apart])
    control.dispose()
    disposeLllite(params)
  })
})
