import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../../argument.ts"
import { adapt, commonStrength } from "../../ops/adapt.ts"
import { adaptGroup } from "../../ops/adapt-group.ts"
import type { AdapterGroup, DenseParams, Ops } from "../../ops/ops.ts"
import { vjp } from "../../ops/vjp.ts"
import { checkOps, checkUploaded } from "../given.ts"
import type { Strength } from "../strength.ts"
import { strengthsAt } from "../strength.ts"
import type { Grid, Tap } from "../taps.ts"
import { NO_READS } from "../taps.ts"
import type { ControlImages, PatchSet } from "./conditioner.ts"
import { createPatchSet, cutControl, embedControl } from "./conditioner.ts"
import type { ControlPatches } from "./control-patches.ts"
import type { AdapterPlan } from "./layout.ts"
import type { AdapterLayers, AdapterParams, LlliteParams } from "./params.ts"

/** The part of an adapter that depends on the control alone: `mid`'s share of it, bias included. */
export interface ControlShare {
  /** [count, tokens, mlpDim] */
  readonly share: Tensor3D
  readonly grid: Grid
}

/** The first layers of several adapters as one. */
export interface JoinedDown extends DenseParams {
  readonly adapters: readonly AdapterLayers[]
}

/** All layers of several adapters that read one input, and their shares of the control. */
export interface JoinedAdapters extends AdapterGroup {
  readonly adapters: readonly AdapterLayers[]
  readonly grid: Grid
}

/** What adapters before one input have together, as far as it is already computed. */
export interface Together {
  readonly down?: JoinedDown | undefined
  readonly group?: JoinedAdapters | undefined
}

/** An LLLite's values for its control images. */
export interface PreparedControl {
  readonly shares: ReadonlyMap<string, ControlShare>
  /** First layers of adapters that read the same input, side by side. The key is the first of these adapters. */
  readonly downs: ReadonlyMap<string, JoinedDown>
  dispose(): void
}

/**
 * Computes everything that depends on the control alone, once for all steps. The caller disposes the result.
 *
 * @throws CoreError if the images are too small for a site, or an adapter reads a hole or latents and the images have
 * none
 */
export function prepareControl(ops: Ops, lllite: LlliteParams, images: ControlImages): PreparedControl {
  checkOps("LLLite", ops)
  checkUploaded("LLLite", lllite)
  checkArgument("LLLite: the control images", images, "an object")
  checkArgument("LLLite: the values of the control images", images.data, "a list of numbers")
  const shares = new Map<string, ControlShare>()
  const cut = cutControls(lllite, images)
  const computed = createShares(ops)
  for (const [key, adapter] of lllite.adapters) {
    const patches = cut.of(adapter.plan) as ControlPatches
    shares.set(key, { share: computed.of(adapter, patches), grid: patches.grid })
  }
  computed.dispose()
  cut.dispose()
  const downs = new Map(
    sharedInputs([...lllite.adapters.values()].map(({ plan }) => plan)).map((plans) => {
      const adapters = plans.map(({ site }) => lllite.adapters.get(site.key) as AdapterParams)
      return [(plans[0] as AdapterPlan).site.key, joinDowns(adapters)]
    }),
  )
  const tensors = [
    ...[...shares.values()].map(({ share }) => share),
    ...[...downs.values()].flatMap(({ weight, bias }) => [weight, bias]),
  ]
  return { shares, downs, dispose: () => tf.dispose(tensors) }
}

/** Groups of two or more adapters before the queries, keys and values of one self-attention. */
export function sharedInputs(plans: Iterable<AdapterPlan>): readonly (readonly AdapterPlan[])[] {
  const groups = new Map<string, AdapterPlan[]>()
  for (const plan of plans) {
    const { block, index, attention, projection } = plan.site
    if (attention !== "self" || projection === "out") continue
    const place = `${block}/${index}`
    groups.set(place, [...(groups.get(place) ?? []), plan])
  }
  return [...groups.values()].filter((group) => group.length > 1)
}

/** Joins first layers: their outputs follow each other. The caller disposes the tensors, or tidies. */
function joinDowns(adapters: readonly AdapterLayers[]): JoinedDown {
  return {
    adapters,
    weight: tf.concat(
      adapters.map(({ down }) => down.weight),
      1,
    ),
    bias: tf.concat(adapters.map(({ down }) => down.bias)),
  }
}

/** Patches of control images for every site that an LLLite has. @throws CoreError as {@link prepareControl} */
export function cutControls(lllite: LlliteParams, images: ControlImages): PatchSet {
  const plans = [...lllite.adapters.values()].map(({ plan }) => plan)
  return createPatchSet(plans, (form) => cutControl(images, form))
}

/** `mid`'s share of the control at one adapter. → [count, tokens, mlpDim] */
export function controlShare(ops: Ops, adapter: AdapterParams, patches: ControlPatches): Tensor3D {
  return tf.tidy(() => shareOf(ops, adapter, embedControl(ops, adapter, patches)))
}

/** Computes shares of adapters for the same control images. */
export interface Shares {
  /** See `controlShare`. */
  of(adapter: AdapterParams, patches: ControlPatches): Tensor3D
  /** Disposes the embeddings of trunks. The shares stay. */
  dispose(): void
}

/** Shares whose trunks run once for all of their adapters. */
export function createShares(ops: Ops): Shares {
  // The first layer tells trunks apart.
  const trunks = new Map<Tensor | undefined, Tensor3D>()
  return {
    of(adapter, patches) {
      if (adapter.plan.sharedTrunk !== true) return controlShare(ops, adapter, patches)
      const trunk = adapter.conditioner[0]?.weight
      const embedding = trunks.get(trunk) ?? embedControl(ops, adapter, patches)
      trunks.set(trunk, embedding)
      return shareOf(ops, adapter, embedding)
    },
    dispose: () => tf.dispose([...trunks.values()]),
  }
}

function shareOf(ops: Ops, { midControl: { weight, bias } }: AdapterParams, embedding: Tensor3D): Tensor3D {
  return ops.dense(embedding, weight, bias) as Tensor3D
}

/** An adapter in a forward pass. */
export interface ActiveAdapter {
  readonly adapter: AdapterLayers
  readonly control: ControlShare
  /** One for each of x's N rows. */
  readonly strengths: readonly number[]
  /** Makes factors on what `up` reads, [N, tokens, mlpDim]. Default: 1. */
  readonly keep?: (tokens: number) => Tensor3D
}

/** The first layers of adapters as one layer. The scope around tracks new tensors. */
function downOf(adapters: readonly AdapterLayers[]): DenseParams {
  const [first] = adapters
  return adapters.length === 1 && first !== undefined ? first.down : joinDowns(adapters)
}

/**
 * An LLLite as a tap. Each of its layers reads x plus the adapter's delta. Strength 0 is the identity.
 *
 * @param strength one number, or a function of the place; see `Strength`
 */
export function llliteTap(ops: Ops, lllite: LlliteParams, control: PreparedControl, strength: Strength): Tap {
  checkOps("LLLite", ops)
  checkGiven("LLLite: the params", lllite, "adapters", "uploadLllite")
  checkGiven("LLLite: the control", control, "shares", "prepareControl")
  if (typeof strength !== "function") checkArgument("LLLite: the strength", strength, "a finite number")
  const adapters = adaptersByPath(lllite)
  return {
    has: ({ network, path }) => network === "unet" && adapters.has(path),
    reads(layer, { grid, ...pass }, count) {
      const adapter = adapters.get(layer.path)
      const share = control.shares.get(adapter?.plan.site.key ?? "")
      if (adapter === undefined || share === undefined || grid === null) return NO_READS
      const strengths = strengthsAt(strength, layer, count, pass)
      if (strengths.every((value) => value === 0)) return NO_READS
      const { down, midDown, up } = adapter
      const joined = control.downs.get(adapter.plan.site.key)
      return {
        key: `lllite ${keyOf(share.grid, strengths)}`,
        reads: [
          ...[down.weight, down.bias, midDown, up.weight, up.bias, share.share],
          ...(joined === undefined ? [] : [joined.weight, joined.bias]),
        ],
        trained: [],
      }
    },
    before(layers, x, { grid, ...pass }) {
      const [count = 0] = x.shape
      const active = layers.map((layer): ActiveAdapter | null => {
        const adapter = adapters.get(layer.path)
        const share = control.shares.get(adapter?.plan.site.key ?? "")
        if (adapter === undefined || share === undefined) return null
        const strengths = strengthsAt(strength, layer, count, pass)
        return strengths.every((value) => value === 0) ? null : { adapter, control: share, strengths }
      })
      const first = active.find((one) => one !== null)
      if (first === undefined || grid === null) return layers.map(() => x)
      return adaptedInputs(ops, active, x, grid, { down: control.downs.get(first.adapter.plan.site.key) })
    },
  }
}

/** What an adapter's ops contain besides its tensors. */
export function keyOf({ height, width }: Grid, strengths: readonly number[]): string {
  return `${height}×${width} ${commonStrength(strengths) ?? strengths.join()}`
}

/** An LLLite's adapters by the path of the layer that reads their output. */
export function adaptersByPath({ adapters }: LlliteParams): ReadonlyMap<string, AdapterParams> {
  return new Map([...adapters.values()].map((adapter) => [adapter.plan.site.path, adapter]))
}

/**
 * The input of every layer: x, plus the adapter's delta where the layer has an adapter. All first layers are one
 * product, which reads x once.
 * x: [N, T, C] or [N, H, W, C] → the same shape, for every layer
 *
 * @param together what all of the adapters have together. It counts if no other adapter is active.
 * @throws CoreError if N is not a multiple of the control images
 */
export function adaptedInputs(
  ops: Ops,
  active: readonly (ActiveAdapter | null)[],
  x: Tensor,
  grid: Grid,
  { down, group }: Together = {},
): readonly Tensor[] {
  const present = active.filter((one) => one !== null)
  if (present.length === 0) return active.map(() => x)
  return tf.tidy(() => {
    const tokens = tf.reshape(x, [x.shape[0] as number, grid.height * grid.width, -1]) as Tensor3D
    const adapters = present.map(({ adapter }) => adapter)
    const areAll = <T extends { readonly adapters: readonly AdapterLayers[] }>(joined: T | undefined): T | null =>
      joined?.adapters.length === adapters.length && adapters.every((one, i) => one === joined.adapters[i])
        ? joined
        : null
    const strengths = present.map((one) => one.strengths)
    const [first = []] = strengths
    const joined = present.some(({ keep }) => keep !== undefined) ? null : areAll(group)
    const oneStrength = strengths.every((own) => own.every((strength, i) => strength === first[i]))
    const oneByOne = (): readonly Tensor3D[] => {
      const tails = present.map(({ adapter: { midDown, up }, control, keep }) => ({
        ...{ midDown, up, share: resampled(control, grid) },
        ...(keep === undefined ? {} : { keep: keep(grid.height * grid.width) }),
      }))
      return adapt(ops, tokens, areAll(down) ?? downOf(adapters), tails, strengths)
    }
    const adapted =
      joined !== null && oneStrength && isSame(joined.grid, grid) ? adaptGroup(ops, tokens, joined, first) : oneByOne()
    let next = 0
    return active.map((one) => (one === null ? x : tf.reshape(adapted[next++] as Tensor, x.shape)))
  })
}

function isSame(a: Grid, b: Grid): boolean {
  return a.height === b.height && a.width === b.width
}

/** The share on another grid, by the nearest token. A host needs it when its grid is not the embedding's. */
function resampled({ share, grid }: ControlShare, to: Grid): Tensor3D {
  if (isSame(grid, to)) return share
  const [n, , c] = share.shape
  const rows = nearest(grid.height, to.height)
  const columns = nearest(grid.width, to.width)
  // Rows first, then columns. Both are products with a matrix of ones and zeros, whose gradient is its transpose.
  const byRows = product(
    rows,
    tf.reshape(tf.transpose(tf.reshape(share, [n, grid.height, grid.width, c]), [1, 2, 0, 3]), [grid.height, -1]),
  )
  const columnsFirst = tf.transpose(tf.reshape(byRows, [to.height, grid.width, n, c]), [1, 0, 2, 3])
  const byColumns = tf.reshape(product(columns, tf.reshape(columnsFirst, [grid.width, -1])), [
    to.width,
    to.height,
    n,
    c,
  ])
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

/** Row i of the result has a one at the column nearest to the row's centre, and zeros elsewhere. → [to, from] */
function nearest(from: number, to: number): tf.Tensor2D {
  const values = new Float32Array(to * from)
  for (let i = 0; i < to; i++) values[i * from + Math.floor(((i + 0.5) * from) / to)] = 1
  return tf.tensor2d(values, [to, from])
}
