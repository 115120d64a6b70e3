import { CoreError } from "@lllite/core"
import { type ChosenMeasure, chooseMeasure, meanFollowing } from "@lllite/core/image"
import type { LlliteModel } from "@lllite/core/models"
import { seedAfter } from "@lllite/core/names"
import type { ObjectiveOptions, TrainDataset, TrainExample } from "@lllite/core/training"
import { validationTimesteps } from "@lllite/core/training"
import type { ValidationOptions } from "@lllite/runtime-node"
import type { Reporter } from "../../terminal/progress.ts"
import { drawSamples, type SampleMachine } from "../samples/draw-samples.ts"
import type { Sample } from "../samples/sample-plan.ts"
import { stepsOf } from "../samples/sample-settings.ts"
import type { ValidationSettings } from "./validation-settings.ts"

/** What held-out pairs say of a step. */
export interface ValidationRecord {
  readonly step: number
  /** The mean loss over all pairs and timesteps. */
  readonly loss: number
  /** The same without the LLLite. It is the same at every step. */
  readonly lossWithout: number
  /** The mean loss at each timestep. */
  readonly lossAt: ReadonlyMap<number, number>
  /** How well drawn pictures follow their controls. Null: none are drawn. */
  readonly follow: (ChosenMeasure & { readonly with: number; readonly without: number }) | null
}

/** Measures a run on held-out pairs. */
export interface RunValidation {
  /** Steps between two times. */
  readonly every: number
  /** Measures if it is time after a step. @returns null if it was not, or if measuring failed */
  periodic(step: number, lllite: LlliteModel): Promise<ValidationRecord | null>
  /** Measures after the last step, if it was not measured there. */
  final(step: number, lllite: LlliteModel): Promise<ValidationRecord | null>
  close(): Promise<void>
}

/** The run that is measured. */
export interface ValidatedRun extends Omit<ValidationOptions, "seed"> {
  /** Steps in an epoch. */
  readonly perEpoch: number
  readonly heldOut: TrainDataset
  readonly machine: SampleMachine
  readonly sampler: Sample["sampler"]
  readonly objective: ObjectiveOptions
  readonly reporter: Reporter
  readonly signal: AbortSignal
}

/**
 * The validation of a run. Measuring that fails ends it, with a notice: the training goes on.
 *
 * @throws CoreError that names the wrong option
 */
export function runValidation(
  { every: rhythm, mostPairs, pictures, drawing, seed }: ValidationSettings,
  { perEpoch, heldOut, machine, sampler, reporter, signal, ...options }: ValidatedRun,
): RunValidation {
  const every = stepsOf(rhythm, perEpoch)
  const count = Math.min(heldOut.count, mostPairs ?? heldOut.count)
  const validation = machine.sdxl.validation({ ...heldOut, count }, { ...options, seed })
  const timesteps = validationTimesteps(options.objective)
  let without: { readonly loss: number; readonly follow: FollowBase | null } | null = null
  let hasFailed = false
  let last: number | null = null

  interface FollowBase {
    readonly measure: ChosenMeasure
    readonly examples: readonly TrainExample[]
    readonly without: number
  }

  const draw = async (examples: readonly TrainExample[], lllite: LlliteModel | null): Promise<readonly Pair[]> => {
    const samples = examples.map(({ caption, control, image }, i) => ({
      ...{ ...drawing, prompt: caption, negativePrompt: "", seed: seedAfter(seed, i), namesSeed: false, sampler },
      ...{ width: image.width, height: image.height, control, controlPath: null },
    }))
    const images = await drawSamples(machine, samples, lllite, {
      signal,
      onProgress: (done, count) => reporter.progress("draw held-out pairs", done, count),
      onNotice: () => {},
    })
    return examples.flatMap(({ control }, i) => {
      const image = images[i]
      return image === undefined ? [] : [{ image, control }]
    })
  }
  const baseOf = async (): Promise<FollowBase | null> => {
    if (pictures === 0) return null
    const examples: TrainExample[] = []
    for (let index = 0; index < Math.min(count, pictures); index++) examples.push(await heldOut.example(index))
    const measure = chooseMeasure(examples)
    return { measure, examples, without: meanFollowing(measure.name, await draw(examples, null)) }
  }
  const measure = async (step: number, lllite: LlliteModel): Promise<ValidationRecord | null> => {
    if (hasFailed || signal.aborted) return null
    try {
      without ??= { loss: mean((await validation.losses(null, signal)).flat()), follow: await baseOf() }
      const losses = await validation.losses(lllite, signal)
      const { follow } = without
      const record: ValidationRecord = {
        step,
        loss: mean(losses.flat()),
        lossWithout: without.loss,
        lossAt: new Map(timesteps.map((timestep, i) => [timestep, mean(losses.map((all) => all[i] ?? Number.NaN))])),
        follow:
          follow === null
            ? null
            : {
                ...follow.measure,
                without: follow.without,
                with: meanFollowing(follow.measure.name, await draw(follow.examples, lllite)),
              },
      }
      last = step
      reporter.say("validation", fieldsOf(record), textOf(record, count))
      return record
    } catch (error) {
      if (signal.aborted) return null
      if (!(error instanceof CoreError)) throw error
      hasFailed = true
      const text = `the validation of step ${step} failed: ${error.message} The training goes on without it.`
      reporter.say("notice", { text }, `Note: ${text}`)
      return null
    }
  }
  return {
    every,
    periodic: async (step, lllite) => (step % every === 0 ? measure(step, lllite) : null),
    final: async (step, lllite) => (last === step ? null : measure(step, lllite)),
    close: () => validation.dispose(),
  }
}

interface Pair {
  readonly image: TrainExample["image"]
  readonly control: TrainExample["control"]
}

function fieldsOf({ lossAt, ...record }: ValidationRecord): Readonly<Record<string, unknown>> {
  return { ...record, lossAt: Object.fromEntries(lossAt) }
}

function textOf({ step, loss, lossWithout, follow }: ValidationRecord, count: number): string {
  const change = (100 * (loss / lossWithout - 1)).toFixed(1)
  const text = `Step ${step}, ${count} held-out pairs: loss ${loss.toPrecision(4)}, without the LLLite ${lossWithout.toPrecision(4)} (${change} %).`
  if (follow === null) return text
  const [now, before, real] = [follow.with, follow.without, follow.real].map((value) => value.toFixed(2))
  return `${text} Following by ${follow.name}: ${now}, without ${before}, real pictures ${real}.`
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
