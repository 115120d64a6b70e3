import { enumerateSites } from "@lllite/format/selections"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import type { Ops } from "../../ops/ops.ts"
import { createStream } from "../../random/stream.ts"
import type { AtSite } from "../unet/at-site.ts"
import type { PreparedControl } from "./adapter.ts"
import { chainAtSite, fedBy, llliteAtSite, prepareControl, sumAtSite } from "./adapter.ts"
import { layOutSlots } from "./layout.ts"
import type { AdapterParams, LlliteParams } from "./params.ts"
import { disposeLllite, uploadLllite } from "./params.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const GRID = { height: 2, width: 3 }
const IMAGES = { count: 1, height: 64, width: 96, data: new Float32Array(64 * 96 * 3).fill(0.3) }
/** Queries, keys and values of the middle's self-attention, then the queries of its cross-attention. */
const SITES = enumerateSites(LAYOUT).filter(({ section }) => section === "middle")

/** An LLLite on the middle's sites but one, every adapter of another width. */
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
      dense: (...given) => {
        count += 1
        return ops.dense(...given)
      },
    }
    x = tf.tensor(createStream(1, "x").normal(2 * 6 * 16), [2, 6, 16])
  })
  afterAll(() => x.dispose())

  /** What one adapter gives by itself at a site; x where there is none. */
  function alone(params: LlliteParams, control: PreparedControl, site: number, input: Tensor, strength = 1): Tensor {
    const key = SITES[site]?.key ?? ""
    const [adapter, share] = [params.adapters.get(key), control.shares.get(key)]
    if (adapter === undefined || share === undefined) return input.clone()
    return fedBy(ops, [{ adapter, control: share }], input, GRID, strength)[0] as Tensor
  }

  function expectSame(found: readonly Tensor[], wanted: readonly Tensor[]): void {
    expect(found).toHaveLength(wanted.length)
    for (const [i, tensor] of found.entries()) {
      const apart = tf.tidy(() => tf.max(tf.abs(tf.sub(tensor, wanted[i] as Tensor))).dataSync()[0])
      expect(apart).toBeLessThan(1e-5)
    }
  }

  it.each([-1, 0, 1])(
    "are fed as each would be alone, with one product for all that are there (without %d)",
    (without) => {
      const before = tf.memory().numTensors
      const params = lllite(1, without)
      const control = prepareControl(ops, params, IMAGES)
      const [q, k, v, crossQ] = SITES
      if (q === undefined || k === undefined || v === undefined || crossQ === undefined) throw new Error("sites")
      expect([q, k, v].map(({ projection }) => projection)).toEqual(["q", "k", "v"])
      count = 0
      tf.tidy(() => {
        const fed = llliteAtSite(counted, params, control, 0.5)([q, k, v], x, GRID)
        // One `down` for all, and `mid` and `up` of each.
        expect(count).toBe(1 + 2 * (without < 0 ? 3 : 2))
        expectSame(
          fed,
          [0, 1, 2].map((site) => alone(params, control, site, x, 0.5)),
        )
        expectSame(llliteAtSite(ops, params, control, 1)([crossQ], x, GRID), [alone(params, control, 3, x)])
      })
      expect(control.downs.size).toBe(1)
      control.dispose()
      disposeLllite(params)
      expect(tf.memory().numTensors).toBe(before)
    },
  )

  it("chain and sum several LLLites site by site", () => {
    const all = [lllite(1), lllite(2, 1)]
    const controls = all.map((params) => prepareControl(ops, params, IMAGES))
    const atSites = all.map((params, i): AtSite => llliteAtSite(ops, params, controls[i] as PreparedControl, 1))
    const qkv = SITES.slice(0, 3)
    const by = (which: number, site: number, input: Tensor): Tensor =>
      alone(all[which] as LlliteParams, controls[which] as PreparedControl, site, input)
    tf.tidy(() => {
      // The last one sees x.
      expectSame(
        chainAtSite(atSites)(qkv, x, GRID),
        [0, 1, 2].map((site) => by(0, site, by(1, site, x))),
      )
      expectSame(
        sumAtSite(atSites)(qkv, x, GRID),
        [0, 1, 2].map((site) => tf.sub(tf.add(by(0, site, x), by(1, site, x)), x)),
      )
      expectSame(chainAtSite([])(qkv, x, GRID), [x, x, x])
      expectSame(sumAtSite([])(qkv, x, GRID), [x, x, x])
    })
    for (const control of controls) control.dispose()
    for (const params of all) disposeLllite(params)
  })

  it("give every adapter the gradients that it has alone", () => {
    const params = lllite(3)
    const control = prepareControl(ops, params, IMAGES)
    const down = SITES.slice(0, 3).map(({ key }) => (params.adapters.get(key) as AdapterParams).down)
    const leaves = [x, ...down.flatMap(({ weight, bias }) => [weight, bias])]
    const loss = (outputs: readonly Tensor[]): tf.Scalar => tf.sum(tf.square(tf.stack([...outputs])))
    const fresh: PreparedControl = { ...control, downs: new Map() }
    const together = tf.grads(() => loss(llliteAtSite(ops, params, fresh, 1)(SITES.slice(0, 3), x, GRID)))(leaves)
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
