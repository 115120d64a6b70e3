import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Ops, RepeatedPass } from "../ops/ops.ts"
import type { OutlineBackend } from "./outline-backend.ts"

/** Passes that a runtime records. */
export interface OutlinePasses {
  readonly runPass: NonNullable<Ops["runPass"]>
  /** Forgets all records, as a trim does. */
  forget(): void
}

/** Runs passes as a runtime does that records them at their second run. A record holds buffers until the next trim. */
export function outlinePasses(backend: OutlineBackend): OutlinePasses {
  const runsOf = new Map<string, number>()
  const numbers = new WeakMap<object, number>()
  let numbered = 0
  const numberOf = (object: object): number => {
    const number = numbers.get(object) ?? numbered++
    numbers.set(object, number)
    return number
  }
  const nameOf = ({ key, inputs, reads }: RepeatedPass<Tensor>): string =>
    `${key} ${inputs.map(({ shape }) => shape.join("×")).join(" ")} ${reads.map(numberOf).join(" ")}`
  return {
    runPass(pass) {
      const { inputs, run } = pass
      const name = nameOf(pass)
      const runs = (runsOf.get(name) ?? 0) + 1
      runsOf.set(name, runs)
      if (runs !== 2) return tf.tidy(() => run(inputs))
      backend.startRecording()
      try {
        const copies = inputs.map((input) =>
          tf
            .engine()
            .makeTensorFromTensorInfo(backend.makeOutput(input.shape, "float32", backend.isHalf(input)), backend),
        )
        const result = tf.tidy(() => run(copies))
        backend.keepRecorded()
        tf.dispose(copies)
        return result
      } finally {
        backend.stopRecording()
      }
    },
    forget: () => runsOf.clear(),
  }
}
