import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { Ops } from "../../ops/ops.ts"
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

/** An LLLite with control images before it. */
export interface PreparedControl {
  readonly shares: ReadonlyMap<string, ControlShare>
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
  return { shares, dispose: () => tf.dispose([...shares.values()].map(({ share }) => share)) }
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

/**
 * What an adapter adds to a layer's input: up(relu(mid([control, relu(down(x))]))) · strength.
 * x: [N, T, C] or [N, H, W, C] → the same shape.
 * Source: sd-scripts `networks/control_net_lllite.py`, `LLLiteModule.forward`.
 *
 * @throws CoreError if N is no multiple of the control images
 */
export function adapterDelta(
  ops: Ops,
  adapter: AdapterParams,
  control: ControlShare,
  x: Tensor,
  grid: Grid,
  strength: number,
): Tensor {
  return tf.tidy(() => {
    const [n = 0] = x.shape
    const tokens = tf.reshape(x, [n, grid.height * grid.width, -1])
    const { down, midDown, up } = adapter
    const h = ops.dense(ops.relu(ops.dense(tokens, down.weight, down.bias)), midDown, null)
    const share = repeated(resampled(control, grid), n)
    const delta = ops.dense(ops.relu(tf.add(share, h)), up.weight, up.bias)
    return tf.reshape(strength === 1 ? delta : tf.mul(delta, strength), x.shape)
  })
}

/** An LLLite as the U-Net's `atSite`: x plus the adapter's delta where the LLLite has one. Strength 0 is identity. */
export function llliteAtSite(ops: Ops, lllite: LlliteParams, control: PreparedControl, strength: number): AtSite {
  return (site, x, grid) => {
    const adapter = lllite.adapters.get(site.key)
    const share = control.shares.get(site.key)
    if (strength === 0 || adapter === undefined || share === undefined) return x
    return tf.tidy(() => tf.add(x, adapterDelta(ops, adapter, share, x, grid, strength)))
  }
}

/** Several adapters as the reference chains them: the last sees x, the one before it sees x with the last's delta. */
export function chainAtSite(adapters: readonly AtSite[]): AtSite {
  return (site, x, grid) => adapters.reduceRight((fed, atSite) => atSite(site, fed, grid), x)
}

/** Several adapters side by side: every one sees x, their deltas are summed. As sd-webui-controlnet does. */
export function sumAtSite(adapters: readonly AtSite[]): AtSite {
  return (site, x, grid) =>
    tf.tidy(() => adapters.reduce((sum, atSite) => tf.add(sum, tf.sub(atSite(site, x, grid), x)), x))
}

/** A control for n samples: [uncond…, cond…] each get the images in turn. */
function repeated(share: Tensor3D, n: number): Tensor {
  const [count] = share.shape
  if (count === 1 || count === n) return share
  if (n % count !== 0)
    throw new CoreError(`LLLite: ${count} control images for a batch of ${n}, expected a divisor of it`)
  return tf.tile(share, [n / count, 1, 1])
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
