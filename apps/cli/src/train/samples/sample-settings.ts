import { listText, type SamplerName } from "@lllite/core/names"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "../options/index.ts"

/** sd-scripts' default, which programs write into every file. It asks for nothing. */
const USUAL_SAMPLER: SamplerName = "ddim"

/** When a run does something again. */
export type Rhythm = { readonly steps: number } | { readonly epochs: number }

/** When samples are drawn: after a step, or at the end of an epoch. */
export type SampleTime = { readonly step: number } | { readonly epoch: number }

/** The pictures that a run draws of itself. */
export interface SampleSettings {
  /** Null: before the first step and after the last one alone. */
  readonly every: Rhythm | null
  /** Whether pictures are drawn before the first step. */
  readonly atFirst: boolean
  /** The path of a file of prompts. Null: pairs of the data set. */
  readonly prompts: string | null
  /** The sampler of prompts that name none. */
  readonly sampler: SamplerName
}

/** Steps between two times of a rhythm. */
export function stepsOf(rhythm: Rhythm, perEpoch: number): number {
  return "steps" in rhythm ? rhythm.steps : rhythm.epochs * perEpoch
}

/**
 * What names the pictures of a step: an epoch at whose end samples are due, or else the step. Source: sd-scripts, where
 * the last epoch is one of them.
 */
export function sampleTime(rhythm: Rhythm | null, step: number, perEpoch: number): SampleTime {
  const isDue = rhythm !== null && step > 0 && step % stepsOf(rhythm, perEpoch) === 0
  return isDue && "epochs" in rhythm ? { epoch: step / perEpoch } : { step }
}

/** The settings of samples. Null: no pictures are drawn. The reader keeps the problems. */
export function readSamples({ settings, isGiven, nameOf }: OptionReader<typeof TRAIN_OPTIONS>): {
  readonly samples: SampleSettings | null
  readonly notices: readonly string[]
} {
  const { sampleEveryNSteps: steps, sampleEveryNEpochs: epochs, sampleAtFirst: atFirst } = settings
  const { samplePrompts: prompts = null, sampleSampler: sampler } = settings
  // Source: sd-scripts, where epochs replace steps.
  const every = epochs !== undefined ? { epochs } : steps !== undefined ? { steps } : null
  if (every === null && !atFirst) {
    const rhythm = `${nameOf("sampleEveryNSteps")} or ${nameOf("sampleEveryNEpochs")}`
    const given = (["samplePrompts", "sampleSampler"] as const).filter(isGiven)
    const unused = given.filter((name) => settings[name] !== USUAL_SAMPLER).map(nameOf)
    if (unused.length === 0) return { samples: null, notices: [] }
    const verb = unused.length === 1 ? "has" : "have"
    return { samples: null, notices: [`${listText(unused, "and")} ${verb} no effect without ${rhythm}.`] }
  }
  const isReplaced = epochs !== undefined && steps !== undefined
  return {
    samples: { every, atFirst, prompts, sampler },
    notices: isReplaced
      ? [`${nameOf("sampleEveryNSteps")} has no effect: ${nameOf("sampleEveryNEpochs")} is given.`]
      : [],
  }
}
