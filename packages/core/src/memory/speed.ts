import * as tf from "@tensorflow/tfjs-core"
import type { Ops } from "../ops/ops.ts"
import type { Work } from "./outline-backend.ts"

/** How fast a backend computes. */
export interface Speed {
  /** Floating-point operations of products in a second. */
  readonly flops: number
  /** Bytes that other ops read and write in a second. */
  readonly bytes: number
  /** Seconds of an op that computes next to nothing. */
  readonly call: number
  /** Seconds of work, by kind of op. */
  seconds(work: ReadonlyMap<string, Work>): number
}

/** Each measurement is the mean of this many, so that the speed is that beside other programs of now. */
const ROUNDS = 4

/** Ops that run at the speed of products, by a part of their names. */
const PRODUCTS = /matmul|conv|linear|dense|attention/i

/** Measures the speed of a backend: a product, a pass over memory, and a small op. It takes about a second. */
export async function measureSpeed(ops: Ops): Promise<Speed> {
  const side = 1024
  const [a, b] = [tf.ones([side, side]), tf.ones([side, side])]
  const wide = tf.ones([1, 64, 1024, 64])
  const small = tf.ones([1, 4])
  try {
    const product = await meanOf(() => ops.dense(a, b, null))
    const pass = await meanOf(() => ops.silu(wide))
    const calls = 50
    const call = await meanOf(() => {
      let last = ops.silu(small)
      for (let i = 1; i < calls; i++) {
        const next = ops.silu(last)
        last.dispose()
        last = next
      }
      return last
    })
    const speed = { flops: (2 * side ** 3) / product, bytes: (2 * 4 * wide.size) / pass, call: call / calls }
    return { ...speed, seconds: (work) => secondsOf(work, speed) }
  } finally {
    tf.dispose([a, b, wide, small])
  }
}

function secondsOf(work: ReadonlyMap<string, Work>, { flops, bytes, call }: Omit<Speed, "seconds">): number {
  let seconds = 0
  for (const [name, part] of work) {
    const moving = part.bytes / bytes
    seconds += part.calls * call + (PRODUCTS.test(name) ? Math.max(part.flops / flops, moving) : moving)
  }
  return seconds
}

/** The mean time of a computation, in seconds, its result included. The first one also makes memory, and is left out. */
async function meanOf(compute: () => tf.Tensor): Promise<number> {
  let total = 0
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now()
    const result = compute()
    await result.data()
    if (round > 0) total += (performance.now() - start) / 1000
    result.dispose()
  }
  return total / ROUNDS
}
