import type { CheckpointTraits } from "@lllite/format/identify"
import type { Prediction } from "../diffusion/names.ts"
import type { WeightFile } from "./weight-reader.ts"

/** How a U-Net is run. */
export interface RunAs {
  readonly prediction: Prediction
  /** Whether the noise schedule is rescaled to zero terminal SNR. */
  readonly zeroTerminalSnr: boolean
  /** What its file says that is not followed, or that was followed unasked. One sentence each. */
  readonly notices: readonly string[]
}

/**
 * How a U-Net is run: as it is asked for, or else as its file says, or else as a model that predicts noise.
 *
 * @param prediction what is asked for
 */
export function runAs({ label, traits }: Pick<WeightFile, "label" | "traits">, prediction?: Prediction): RunAs {
  const used = prediction ?? traits?.prediction ?? "epsilon"
  const zeroTerminalSnr = used === "v" && traits?.zeroTerminalSnr === true
  const notices = traits === undefined ? [] : [...predictionNotices(traits, prediction), ...traits.notices]
  return { prediction: used, zeroTerminalSnr, notices: notices.map((notice) => `"${label}": ${notice}`) }
}

function predictionNotices(
  { prediction: said, saidBy, zeroTerminalSnr }: CheckpointTraits,
  asked: Prediction | undefined,
): readonly string[] {
  if (said === null || saidBy === null) return []
  if (asked !== undefined && asked !== said) {
    return [
      `It says that it predicts ${NAMES[said]}, by ${saidBy}. It is run as one that predicts ${NAMES[asked]}, as asked.`,
    ]
  }
  if (said === "epsilon" || asked !== undefined) return []
  const schedule = zeroTerminalSnr ? ", with zero terminal SNR" : ""
  return [`It predicts ${NAMES.v}${schedule}, as ${saidBy} says. It is run so.`]
}

const NAMES = { epsilon: "noise (epsilon)", v: "velocity (v-prediction)" } as const
