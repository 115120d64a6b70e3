import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { PassPosition } from "../diffusion/pass-position.ts"
import { measuredTap } from "../models/measured-tap.ts"
import type { Tap } from "../models/taps.ts"

/** What an adapter added at the layers of one block, in all passes of a step and on both sides of guidance. */
export interface BlockDelta {
  /** The block's name: `input 4`, `middle`, `output 1`. */
  readonly block: string
  /** The layers at which it added something. */
  readonly layers: number
  /** The root mean square of what it added. */
  readonly delta: number
  /** The same as a share of what these layers read without it. */
  readonly relative: number
}

/** What adapters added in a step of a batch. */
export interface StepDeltas {
  /** From 1. */
  readonly step: number
  /** The noise level at the beginning of the step. */
  readonly sigma: number
  /** By adapter, then by picture of the batch, then by block in the order of the U-Net. */
  readonly adapters: readonly (readonly (readonly BlockDelta[])[])[]
}

/** Measures what adapters add. */
export interface DeltaMeter {
  /** Begins a stage, whose step 0 is this step of the run. */
  beginStage(offset: number): void
  /** The tap of the adapter with this index, measured. */
  measured(adapter: number, tap: Tap): Tap
  /** Reads the measurements of a pass, after it has run. Passes of one step are added up. */
  endPass(position: Pick<PassPosition, "step" | "sigma">): Promise<void>
  /** What was measured, step by step. */
  steps(): readonly StepDeltas[]
  /** Frees measurements of a pass that failed. */
  dispose(): void
}

/** A measurement that is still on the device. */
interface Pending {
  readonly adapter: number
  readonly block: string
  readonly path: string
  readonly values: number
  readonly sums: Tensor
}

/** Sums of one block and picture. */
interface Sums {
  readonly paths: Set<string>
  delta: number
  read: number
  values: number
}

/** The sums of a step: by adapter, then by picture, then by block. */
interface MeasuredStep {
  readonly sigma: number
  readonly adapters: readonly (readonly Map<string, Sums>[])[]
}

/** Creates a meter for a batch. @param pictures the number of its pictures, whose rows repeat in order */
export function createDeltaMeter(adapters: number, pictures: number): DeltaMeter {
  let pending: Pending[] = []
  let offset = 0
  const measuredSteps = new Map<number, MeasuredStep>()
  const stepAt = ({ step, sigma }: Pick<PassPosition, "step" | "sigma">): MeasuredStep => {
    const found = measuredSteps.get(step) ?? {
      sigma,
      adapters: Array.from({ length: adapters }, () => Array.from({ length: pictures }, () => new Map<string, Sums>())),
    }
    measuredSteps.set(step, found)
    return found
  }
  const add = (step: MeasuredStep, { adapter, block, path, values, sums }: Pending, read: ArrayLike<number>): void => {
    const [, rows = 1] = sums.shape
    for (let row = 0; row < rows; row++) {
      const ofPicture = step.adapters[adapter]?.[row % pictures]
      const found = ofPicture?.get(block) ?? { paths: new Set<string>(), delta: 0, read: 0, values: 0 }
      ofPicture?.set(block, found)
      found.paths.add(path)
      found.delta += read[row] ?? 0
      found.read += read[rows + row] ?? 0
      found.values += values
    }
  }

  return {
    beginStage(first) {
      offset = first
    },
    measured: (adapter, tap) =>
      measuredTap(tap, ({ block, path }, sums, values) => void pending.push({ adapter, block, path, values, sums })),
    async endPass(position) {
      const measured = pending
      pending = []
      const step = stepAt({ ...position, step: position.step + offset })
      try {
        // One transfer for all layers.
        const all = tf.tidy(() => tf.concat([tf.tensor1d([]), ...measured.map(({ sums }) => tf.reshape(sums, [-1]))]))
        const values = await all.data<"float32">()
        all.dispose()
        let at = 0
        for (const one of measured) {
          add(step, one, values.subarray(at, at + one.sums.size))
          at += one.sums.size
        }
      } finally {
        tf.dispose(measured.map(({ sums }) => sums))
      }
    },
    steps: () =>
      [...measuredSteps].map(([step, { sigma, adapters }]) => ({
        ...{ step: step + 1, sigma },
        adapters: adapters.map((ofAdapter) =>
          ofAdapter.map((ofPicture) =>
            [...ofPicture].map(
              ([block, { paths, delta, read, values }]): BlockDelta => ({
                ...{ block, layers: paths.size, delta: Math.sqrt(delta / values) },
                relative: read === 0 ? 0 : Math.sqrt(delta / read),
              }),
            ),
          ),
        ),
      })),
    dispose() {
      tf.dispose(pending.map(({ sums }) => sums))
      pending = []
    },
  }
}
