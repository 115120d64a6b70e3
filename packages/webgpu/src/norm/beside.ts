import { vjp, vjpSeveral } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"

/** The dispatches of a norm. */
export interface NormRun<T extends Tensor = Tensor> {
  /** The result, and what the slopes need of it. */
  forward(): { readonly y: T; readonly stats: Tensor }
  /** The slopes at x. `beside`, a slope at x from elsewhere, is added to them. */
  back(x: Tensor, stats: Tensor, dy: Tensor, beside: Tensor | null): Tensor
}

/** A norm as an op. */
export function normed<T extends Tensor>(x: T, { forward, back }: NormRun<T>): T {
  return vjp([x], () => {
    const { y, stats } = forward()
    return { value: y, saved: [x, stats], gradients: (dy, [x, stats]) => [back(x, stats, dy, null)] }
  })
}

/** A norm as an op that gives x, too. The slope there becomes a part of the norm's. */
export function normedBeside<T extends Tensor>(x: T, { forward, back }: NormRun<T>): readonly [normed: T, x: T] {
  return vjpSeveral<T, readonly [Tensor, Tensor]>([x], () => {
    const { y, stats } = forward()
    return {
      values: [y, tf.clone(x)],
      saved: [x, stats],
      gradients: ([dy, beside], [x, stats]) => [back(x, stats, dy as T, beside as T)],
    }
  }) as readonly [T, T]
}
