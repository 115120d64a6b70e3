import type { Ops } from "@lllite/core/ops"
import * as tf from "@tensorflow/tfjs-core"

/** Verbs that take no tensor of a network. */
const OTHERS: readonly (keyof Ops)[] = ["load", "maxTensorBytes", "trim", "runPart", "narrow", "widen", "lookUp"]

/** Whether a verb's argument may be in float16. Layers that train and the time's shift are float32. */
function isNarrowed(verb: string, index: number): boolean {
  return index === 0 || (!verb.startsWith("dense") && verb !== "conv2dShift")
}

/** Ops whose verbs read tensors in float16, and give float32 again. So the contract of ops holds every kernel's storage. */
export function throughHalf(ops: Ops): Ops {
  const narrow = ops.narrow ?? missing
  const widen = ops.widen ?? missing
  const verbs = Object.entries(ops).flatMap(([verb, run]) => {
    if (OTHERS.includes(verb as keyof Ops) || typeof run !== "function") return []
    const through = (...args: readonly unknown[]): unknown => {
      // One tensor that is given several times stays one.
      const known = new Map<tf.Tensor, tf.Tensor>()
      const narrowed = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(narrowed)
        if (!(value instanceof tf.Tensor)) return value
        const made = known.get(value) ?? narrow(value)
        known.set(value, made)
        return made
      }
      const y: tf.Tensor | readonly tf.Tensor[] = run(
        ...args.map((value, i) => (isNarrowed(verb, i) ? narrowed(value) : value)),
      )
      return y instanceof tf.Tensor ? widen(y) : y.map(widen)
    }
    return [[verb, through] as const]
  })
  return { ...ops, ...Object.fromEntries(verbs) }
}

function missing(): never {
  throw new Error("these ops do not store float16. Create them with the precision F16.")
}
