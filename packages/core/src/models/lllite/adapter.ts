import type { Site } from "@lllite/format"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { adapt } from "../../ops/adapt.ts"
import type { DenseParams, Ops } from "../../ops/ops.ts"
import { vjp } from "../../ops/vjp.ts"
import type { AtSite, Grid } from "../unet/at-site.ts"
import type { ControlImages, ControlPatches, Depth } from "./conditioner.ts"
import { cutControl, embedControl } from "./conditioner.ts"
import type { AdapterParams, LlliteParams } from "./params.ts"

/** What an adapter takes from the control alone: `mid`'s share of it, bias included. */
export interface ControlShare {
  /** [count, tokens, mlpDim] */
  readonly share: Tensor3D
  readonly grid: Grid
}

/** The first layers of several adapters as one. */
export interface JoinedDown extends DenseParams {
  readonly adapters: readonly AdapterParams[]
}

/** An LLLite with control images before it. */
export interface PreparedControl {
  readonly shares: ReadonlyMap<string, ControlShare>
  /** First layers of adapters that read the same input, side by side; by the first of them. */
  readonly downs: ReadonlyMap<string, JoinedDown>
  dispose(): void
}

/**
 * Computes, once for all steps, everything that depends on the control alone. The caller disposes what comes back.
 *
 * @throws CoreError if the images are too small for a site
 */
export function prepareControl(ops: Ops, lllite: LlliteParams, images: ControlImages): PreparedControl {
  const shares = new Map<string, ControlShare>()
  const cut = cutControls(lllite, images)
  for (const [key, adapter] of lllite.adapters) {
    const patches = cut.get(adapter.plan.site.depth) as ControlPatches
    shares.set(key, { share: controlShare(ops, adapter, patches), grid: patches.grid })
  }
  disposeCuts(cut)
  const downs = new Map(
    sharedInputs(lllite).map((adapters) => [(adapters[0] as AdapterParams).plan.site.key, joinDowns(adapters)]),
  )
  const tensors = [
    ...[...shares.values()].map(({ share }) => share),
    ...[...downs.values()].flatMap(({ weight, bias }) => [weight, bias]),
  ]
  return { shares, downs, dispose: () => tf.dispose(tensors) }
}

/** Adapters before the queries, keys and values of one self-attention, where there are several. */
function sharedInputs({ adapters }: LlliteParams): readonly (readonly AdapterParams[])[] {
  const groups = new Map<string, AdapterParams[]>()
  for (const adapter of adapters.values()) {
    const { block, index, attention, projection } = adapter.plan.site
    if (attention !== "self" || projection === "out") continue
    const place = `${block}/${index}`
    groups.set(place, [...(groups.get(place) ?? []), adapter])
  }
  return [...groups.values()].filter((group) => group.length > 1)
}

/** Side by side: their outputs follow each other. The caller disposes the tensors, or tidies. */
function joinDowns(adapters: readonly AdapterParams[]): JoinedDown {
  return {
    adapters,
    weight: tf.concat(
      adapters.map(({ down }) => down.weight),
      1,
    ),
    bias: tf.concat(adapters.map(({ down }) => down.bias)),
  }
}

/** Patches of control images for every depth that an LLLite has. */
export function cutControls(lllite: LlliteParams, images: ControlImages): ReadonlyMap<Depth, ControlPatches> {
  const depths = new Set([...lllite.adapters.values()].map(({ plan }) => plan.site.depth))
  return new Map([...depths].map((depth) => [depth, cutControl(images, depth)]))
}

export function disposeCuts(cuts: ReadonlyMap<Depth, ControlPatches>): void {
  tf.dispose([...cuts.values()].map(({ patches }) => patches))
}

/** `mid`'s share of the control at one adapter. → [count, tokens, mlpDim] */
export function controlShare(ops: Ops, adapter: AdapterParams, patches: ControlPatches): Tensor3D {
  return tf.tidy(() => {
    const { weight, bias } = adapter.midControl
    return ops.dense(embedControl(ops, adapter, patches), weight, bias) as Tensor3D
  })
}

/** An adapter on its way through a forward pass. */
export interface ActiveAdapter {
  readonly adapter: AdapterParams
  readonly control: ControlShare
}

function joinedOnTheWay(adapters: readonly AdapterParams[]): DenseParams {
  const [first] = adapters
  return adapters.length === 1 && first !== undefined ? first.down : joinDowns(adapters)
}

/** An LLLite as the U-Net's `atSite`: x plus the adapter's delta where the LLLite has one. Strength 0 is identity. */
export function llliteAtSite(ops: Ops, lllite: LlliteParams, control: PreparedControl, strength: number): AtSite {
  return (sites, x, grid) => {
    const active = sites.map(({ key }): ActiveAdapter | null => {
      const [adapter, share] = [lllite.adapters.get(key), control.shares.get(key)]
      return strength === 0 || adapter === undefined || share === undefined ? null : { adapter, control: share }
    })
    const first = active.find((one) => one !== null)
    return fedBy(ops, active, x, grid, strength, control.downs.get(first?.adapter.plan.site.key ?? ""))
  }
}

/**
 * What every site's layer reads: x, plus what its adapter adds where it has one. All first layers are one product, which
 * reads x once. x: [N, T, C] or [N, H, W, C] → the same shape, for every site
 *
 * @param joined the first layers side by side, where they are at hand
 * @throws CoreError if N is no multiple of the control images
 */
export function fedBy(
  ops: Ops,
  active: readonly (ActiveAdapter | null)[],
  x: Tensor,
  grid: Grid,
  strength: number,
  joined?: JoinedDown,
): readonly Tensor[] {
  const present = active.filter((one) => one !== null)
  if (present.length === 0) return active.map(() => x)
  return tf.tidy(() => {
    const tokens = tf.reshape(x, [x.shape[0] as number, grid.height * grid.width, -1]) as Tensor3D
    const adapters = present.map(({ adapter }) => adapter)
    const isJoined =
      joined?.adapters.length === adapters.length && adapters.every((one, i) => one === joined.adapters[i])
    const tails = present.map(({ adapter: { midDown, up }, control }) => ({
      ...{ midDown, up, share: resampled(control, grid) },
    }))
    const fed = adapt(ops, tokens, isJoined ? joined : joinedOnTheWay(adapters), tails, strength)
    let next = 0
    return active.map((one) => (one === null ? x : tf.reshape(fed[next++] as Tensor, x.shape)))
  })
}

/** Several adapters as the reference chains them: the last sees x, the one before it sees x with the last's delta. */
export function chainAtSite(adapters: readonly AtSite[]): AtSite {
  const [first, ...more] = [...adapters].reverse()
  return (sites, x, grid) => {
    const fed = first === undefined ? sites.map(() => x) : first(sites, x, grid)
    // From here on every site has an input of its own.
    return fed.map((own, i) => more.reduce((h, atSite) => atSite([sites[i] as Site], h, grid)[0] as Tensor, own))
  }
}

/** Several adapters side by side: every one sees x, their deltas are summed. As sd-webui-controlnet does. */
export function sumAtSite(adapters: readonly AtSite[]): AtSite {
  return (sites, x, grid) =>
    tf.tidy(() => {
      const fed = adapters.map((atSite) => atSite(sites, x, grid))
      return sites.map((_, i) => fed.reduce((sum, each) => tf.add(sum, tf.sub(each[i] as Tensor, x)), x))
    })
}

/** The share on another grid by the nearest token, for hosts whose grid is not the embedding's. */
function resampled({ share, grid }: ControlShare, to: Grid): Tensor3D {
  if (grid.height === to.height && grid.width === to.width) return share
  const [n, , c] = share.shape
  const rows = nearest(grid.height, to.height)
  const columns = nearest(grid.width, to.width)
  // Rows first, then columns: both are products with a matrix of ones and zeros, whose gradient is its transpose.
  const byRows = product(
    rows,
    tf.reshape(tf.transpose(tf.reshape(share, [n, grid.height, grid.width, c]), [1, 2, 0, 3]), [grid.height, -1]),
  )
  const turned = tf.transpose(tf.reshape(byRows, [to.height, grid.width, n, c]), [1, 0, 2, 3])
  const byColumns = tf.reshape(product(columns, tf.reshape(turned, [grid.width, -1])), [to.width, to.height, n, c])
  return tf.reshape(tf.transpose(byColumns, [2, 1, 0, 3]), [n, to.height * to.width, c])
}

/** matrix: [M, K], a constant; x: [K, N] → [M, N] */
function product(matrix: tf.Tensor2D, x: Tensor): Tensor {
  return vjp([x], () => ({
    value: tf.matMul(matrix, x as tf.Tensor2D) as Tensor,
    saved: [matrix],
    gradients: (dy, [matrix]) => [tf.matMul(tf.transpose(matrix as tf.Tensor2D), dy as tf.Tensor2D)],
  }))
}

/** Row i of the result has its one at the centre's nearest of `from`. → [to, from] */
function nearest(from: number, to: number): tf.Tensor2D {
  const values = new Float32Array(to * from)
  for (let i = 0; i < to; i++) values[i * from + Math.floor(((i + 0.5) * from) / to)] = 1
  return tf.tensor2d(values, [to, from])
}
