import { CoreError } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import type { LlliteModel } from "@lllite/core/models"
import { InputError } from "@lllite/runtime-node"
import { stepFileName } from "../../lllite-file/save-lllite.ts"
import type { Reporter } from "../../terminal/progress.ts"
import { drawSamples, type SampleMachine } from "./draw-samples.ts"
import type { SampleFolder, SamplePictures } from "./sample-files.ts"
import { controlOf, writeSamples, writeWithout } from "./sample-files.ts"
import type { Sample } from "./sample-plan.ts"
import { type SampleSettings, type SampleTime, sampleTime, stepsOf } from "./sample-settings.ts"

/** The pictures of a step. */
export interface SampleSet {
  readonly step: number
  readonly pictures: readonly SamplePictures[]
}

/** Draws the samples of a run. */
export interface RunSamples {
  /** Steps between two times. Null: none in between. */
  readonly every: number | null
  /** Draws if it is time after a step. @returns null if it was not, or if drawing failed */
  periodic(step: number, lllite: LlliteModel): Promise<SampleSet | null>
  /** Draws before the first step, if asked. @param lllite null for a new one, which adds nothing yet */
  first(step: number, lllite: LlliteModel | null): Promise<SampleSet | null>
  /** Draws after the last step, if samples were not due there. */
  final(step: number, lllite: LlliteModel): Promise<SampleSet | null>
}

/** The run that samples are of. */
export interface SampledRun extends SampleFolder {
  /** Steps in an epoch. */
  readonly perEpoch: number
  readonly machine: SampleMachine
  readonly reporter: Reporter
  readonly signal: AbortSignal
}

/**
 * The samples of a run. The pictures without the LLLite are drawn once. Drawing that fails ends the samples, with a
 * notice: the training goes on.
 */
export function runSamples(
  settings: SampleSettings,
  samples: readonly Sample[],
  { perEpoch, machine, reporter, signal, ...folder }: SampledRun,
): RunSamples {
  const every = settings.every === null ? null : stepsOf(settings.every, perEpoch)
  let without: readonly RgbImage[] | null = null
  let hasFailed = false
  /** The last step whose samples are drawn. */
  let last: number | null = null
  const said = new Set<string>()
  const say = (text: string): void => {
    if (said.has(text)) return
    said.add(text)
    reporter.say("notice", { text }, `Note: ${text}`)
  }
  const drawAll = (lllite: LlliteModel | null): Promise<readonly RgbImage[]> =>
    drawSamples(machine, samples, lllite, {
      signal,
      onProgress: (done, count) => reporter.progress("draw samples", done, count),
      onNotice: say,
    })

  const draw = async (step: number, time: SampleTime, lllite: LlliteModel | null): Promise<SampleSet | null> => {
    if (hasFailed || signal.aborted) return null
    try {
      if (without === null) {
        without = await drawAll(null)
        const pictures = samples.map((sample, i) => [sample, without?.[i] as RgbImage] as const)
        await writeWithout(folder, pictures, new Date())
      }
      const drawn = lllite === null ? without : await drawAll(lllite)
      const pictures = samples.map((sample, i) => ({
        ...{ sample, control: controlOf(sample) },
        ...{ without: without?.[i] as RgbImage, with: drawn[i] as RgbImage },
      }))
      const sheets = await writeSamples(folder, time, pictures, stepFileName(folder.outputName, step), new Date())
      for (const path of sheets) reporter.say("samples", { path, step }, `Samples of step ${step}: ${path}`)
      last = step
      return { step, pictures }
    } catch (error) {
      if (signal.aborted) return null
      if (!(error instanceof InputError) && !(error instanceof CoreError)) throw error
      // A full disk may have room again. What cannot be drawn once cannot be drawn later.
      hasFailed = error instanceof CoreError
      say(
        `the samples of step ${step} are missing: ${error.message} The training goes on${hasFailed ? " without samples" : ""}.`,
      )
      return null
    }
  }
  const timeOf = (step: number): SampleTime => sampleTime(settings.every, step, perEpoch)
  return {
    every,
    async periodic(step, lllite) {
      return every !== null && step % every === 0 ? draw(step, timeOf(step), lllite) : null
    },
    async first(step, lllite) {
      return settings.atFirst ? draw(step, { step }, lllite) : null
    },
    async final(step, lllite) {
      return last === step ? null : draw(step, timeOf(step), lllite)
    },
  }
}
