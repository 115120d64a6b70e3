import type { Dtype } from "@lllite/format"
import * as tf from "@tensorflow/tfjs-core"
import { letStop, type StopOptions } from "../models/steps.ts"
import type { Ops } from "../ops/ops.ts"
import type { Work } from "./outline-backend.ts"

/** How fast a backend computes. */
export interface Speed {
  /** Floating-point operations of products in a second. */
  readonly flops: number
  /** Bytes in a second that a product of few rows reads of a frozen weight, as it is held. */
  readonly weightBytes: number
  /** Bytes in a second that sums and copies read and write. */
  readonly plainBytes: number
  /** Bytes in a second that activations, norms and attention read and write. */
  readonly bytes: number
  /** Seconds of an op that computes next to nothing. */
  readonly call: number
  /** Seconds of work, by kind of op. */
  seconds(work: ReadonlyMap<string, Work>): number
}

/**
 * Each measurement is the mean of at least this many, and of at least this time in seconds. So the speed is that beside
 * other programs of now, and a single pause does not decide.
 */
const [ROUNDS, LONG_ENOUGH] = [4, 0.2]

/** Ops that run at the speed of products, by a part of their names. */
const PRODUCTS = /matmul|conv|linear|dense|attention/i
/** Products with frozen weights, which are often larger than what is multiplied. */
const FROZEN = /conv|linear/i
/** Ops that only add, multiply and move. */
const PLAIN = /elementwise/i

/** Sides of the product that measures how fast weights are read. */
const [ROWS, INNER, OUT] = [4, 2048, 4096]

/**
 * Measures the speed of a backend: a product, one with a large weight, two passes over memory, and a small op. It takes
 * one to two seconds. It stops between two computations.
 *
 * @param dtype of the model's weights in its file. Default: F32
 * @throws the signal's reason when aborted
 */
export async function measureSpeed(ops: Ops, dtype: Dtype = "F32", stop: StopOptions = {}): Promise<Speed> {
  const side = 1024
  const [a, b] = [tf.ones([side, side]), tf.ones([side, side])]
  const rows = tf.ones([ROWS, INNER])
  const wide = tf.ones([1, 64, 1024, 64])
  const small = tf.ones([1, 4])
  const weight = await ops.load.linear(emptyWeight(dtype), null)
  try {
    const product = await meanOf(() => ops.dense(a, b, null), stop)
    const reading = await meanOf(() => ops.linear(rows, weight), stop)
    const pass = await meanOf(() => ops.silu(wide), stop)
    const sum = await meanOf(() => tf.add(wide, wide), stop)
    const calls = 50
    const call = await meanOf(() => {
      let last = tf.add(small, small)
      for (let i = 1; i < calls; i++) {
        const next = tf.add(last, small)
        last.dispose()
        last = next
      }
      return last
    }, stop)
    const speed = {
      flops: (2 * side ** 3) / product,
      weightBytes: weight.bytes / reading,
      plainBytes: (3 * 4 * wide.size) / sum,
      bytes: (2 * 4 * wide.size) / pass,
      call: call / calls,
    }
    return { ...speed, seconds: (work) => secondsOf(work, speed) }
  } finally {
    tf.dispose([a, b, rows, wide, small])
    weight.dispose()
  }
}

function emptyWeight(dtype: Dtype): Parameters<Ops["load"]["linear"]>[0] {
  const bytes = (dtype === "F32" ? 4 : dtype === "F64" ? 8 : dtype.startsWith("F8") ? 1 : 2) * OUT * INNER
  return { name: "speed", dtype, shape: [OUT, INNER], read: async () => new Uint8Array(bytes) }
}

function secondsOf(work: ReadonlyMap<string, Work>, speed: Omit<Speed, "seconds">): number {
  const { flops, weightBytes, plainBytes, bytes, call } = speed
  let seconds = 0
  for (const [name, part] of work) {
    const moving = part.bytes / (FROZEN.test(name) ? weightBytes : PLAIN.test(name) ? plainBytes : bytes)
    seconds += part.calls * call + (PRODUCTS.test(name) ? Math.max(part.flops / flops, moving) : moving)
  }
  return seconds
}

/** The mean time of a computation, in seconds, its result included. The first one also makes memory, and is left out. */
async function meanOf(compute: () => tf.Tensor, stop: StopOptions): Promise<number> {
  let total = 0
  let rounds = -1
  while (rounds < ROUNDS || total < LONG_ENOUGH) {
    await letStop(stop)
    const start = performance.now()
    const result = compute()
    await result.data()
    if (rounds >= 0) total += (performance.now() - start) / 1000
    rounds++
    result.dispose()
  }
  return total / rounds
}
