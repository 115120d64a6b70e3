import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../argument.ts"
import { checkOps } from "../models/given.ts"
import type { LiveLora, LoraStrength } from "../models/lora/live-lora.ts"
import { loraTap } from "../models/lora/live-lora.ts"
import type { Tap } from "../models/taps.ts"
import { chainTaps, NO_TAP, tapBefore } from "../models/taps.ts"
import type { Ops } from "../ops/ops.ts"

/** A live LoRA with the settings of its use. */
export interface LoraRun extends LoraStrength {
  readonly lora: LiveLora
}

/**
 * All LoRAs of a run as one tap. They act in their order, as if they were merged. The lengths that a DoRA changes are
 * those of the model's weights with its own difference, without other LoRAs.
 */
export function lorasTap(ops: Ops, loras: readonly LoraRun[]): Tap {
  return chainLoras(loraTaps(ops, loras))
}

/** The tap of each LoRA of a run. @throws CoreError for arguments of another kind */
export function loraTaps(ops: Ops, loras: readonly LoraRun[]): readonly Tap[] {
  checkOps("LoRA", ops)
  checkArgument("LoRA: the LoRAs", loras, "a list")
  for (const run of loras) checkArgument("LoRA: a LoRA of the list", run, "an object")
  return loras.map(({ lora, ...use }) => loraTap(ops, lora, use))
}

/** Taps of LoRAs as one, in their order. A tap that follows a DoRA over columns reads x without the factors of that DoRA. */
export function chainLoras(taps: readonly Tap[]): Tap {
  if (taps.length === 0) return NO_TAP
  return chainTaps(
    taps.map((tap, i) => {
      const columns = chainTaps(taps.slice(0, i).filter(({ before }) => before !== undefined))
      const { after } = tap
      if (after === undefined || columns.before === undefined || i === 0) return tap
      return {
        ...tap,
        after: (layers, xs, ys, place) =>
          tf.tidy(() => {
            const read = xs.map((x, j): Tensor => {
              const own = layers.slice(j, j + 1)
              if (!own.some((layer) => columns.has(layer))) return x
              // Each of these taps multiplies x, so what it makes of ones are its factors.
              return tf.divNoNan(x, tapBefore(columns, own, tf.onesLike(x), place)[0] as Tensor)
            })
            return [...after.call(tap, layers, read, ys, place)]
          }),
      }
    }),
  )
}
