import { rm, stat } from "node:fs/promises"
import { join } from "node:path"
import type { TrainState } from "@lllite/core/training"
import { InputError, writeTrainState } from "@lllite/runtime-node"
import { type SavedFile, saveLllite, stepFileName } from "../lllite-file/save-lllite.ts"
import type { Reporter } from "../terminal/progress.ts"
import { type SaveRhythm, saveRhythms } from "./save-rhythm.ts"
import { finalFileName, isOwnState, type Saved, savedBefore, stateFolderName } from "./saved-files.ts"
import type { TrainSettings } from "./settings.ts"
import type { StepHistory } from "./step-history.ts"
import type { StepPlan } from "./step-plan.ts"

/** What a run saves, and when. */
export interface RunSaver {
  /** Intervals in steps at which the run has to hand out its state. */
  readonly every: readonly number[]
  /**
   * Takes up a run that continues. Saves the LLLite of its step, if it is missing: the run was killed between the state
   * and the LLLite. What the run saved up to there is its own, and goes away in its time.
   */
  continued(state: TrainState): Promise<void>
  /** Saves what the run's rhythm asks for after this step. */
  periodic(state: TrainState): Promise<void>
  /** Saves the run at a step that no rhythm asked for. @returns the path of the LLLite */
  stopped(state: TrainState): Promise<string>
  /** Saves the whole run. */
  final(state: TrainState): Promise<void>
  /** The last state on the disk that this run has saved, or that it continues from. Null: there is none. */
  lastState(): string | null
}

type SaverSettings = Pick<
  TrainSettings,
  | "outputDir"
  | "resume"
  | "outputName"
  | "saveEvery"
  | "saveState"
  | "saveStateOnTrainEnd"
  | "saveLastNSteps"
  | "saveLastNEpochs"
  | "saveLastNStepsState"
  | "saveLastNEpochsState"
>

/**
 * Saves a run. A state comes before its LLLite. So a run that is killed between the two continues from this state, and
 * saves the LLLite then.
 *
 * @param run what the run follows from and its steps so far, for its states
 */
export function createSaver(
  settings: SaverSettings,
  plan: Pick<StepPlan, "steps" | "perEpoch">,
  file: SavedFile,
  { facts, history }: { readonly facts: ReadonlyMap<string, string>; readonly history: Pick<StepHistory, "saved"> },
  reporter: Reporter,
): RunSaver {
  const { outputDir, outputName, saveEvery, saveState, resume = null } = settings
  let lastState = resume
  const rhythms = saveRhythms(saveEvery, plan).map((rhythm) => ({
    ...rhythm,
    ...{ files: [] as Saved[], states: [] as Saved[] },
  }))
  /** The last saved step, and its file. */
  let last: Saved | null = null
  const save = async (state: TrainState, name: string): Promise<string> => {
    const path = await saveLllite(join(outputDir, name), state, file, reporter)
    last = { number: state.step, path }
    return path
  }
  const saveRun = async (state: TrainState, name: string): Promise<string> => {
    const folder = join(outputDir, stateFolderName(name))
    await writeTrainState(folder, { state, facts, history: history.saved() })
    lastState = folder
    reporter.say("state", { path: folder, step: state.step }, `Saved ${folder}`)
    return folder
  }
  /** Saves the state, and then the LLLite. Each may fit on a disk that is too full for the other. */
  const saveBoth = async (
    state: TrainState,
    name: string,
    withState: boolean,
    saved: { state(path: string): void; file(path: string): void } = { state: () => {}, file: () => {} },
  ): Promise<string> => {
    let fault: unknown = null
    if (withState) {
      await saveRun(state, name).then(saved.state, (error: unknown) => {
        fault = error
      })
    }
    const path = await save(state, name)
    saved.file(path)
    if (fault === null) return path
    if (!(fault instanceof InputError)) throw fault
    const text = `${fault.message} The LLLite is saved as "${path}", and the state is not.`
    throw new InputError(fault.code, text, { cause: fault })
  }
  /** What is saved after a step, with its name and its number. */
  const due = (step: number) =>
    rhythms.flatMap(({ count, every, nameOf, ...rhythm }) => {
      if (step === 0 || step % every !== 0) return []
      const number = (step / every) * count
      return [{ ...rhythm, count, number, name: nameOf(outputName, number) }]
    })
  return {
    every: rhythms.map(({ every }) => every),

    async continued(state) {
      for (const { files, states, ...rhythm } of isOwnState(settings) ? rhythms : []) {
        const found = await savedBefore(settings, rhythm, state.step)
        files.push(...found.files)
        states.push(...found.states)
      }
      for (const { name } of due(state.step)) {
        const path = join(outputDir, name)
        const isThere = await stat(path).then(
          () => true,
          () => false,
        )
        if (isThere) last = { number: state.step, path }
        else await save(state, name)
      }
    },

    async periodic(state) {
      for (const { unit, count, number, name, files, states } of due(state.step)) {
        await saveBoth(state, name, saveState, {
          state: (path) => void states.push({ number, path }),
          file: (path) => void files.push({ number, path }),
        })
        await removeOlder(files, oldest(number, { unit, count }, settings, false))
        await removeOlder(states, oldest(number, { unit, count }, settings, true))
      }
    },

    async stopped(state) {
      if (last?.number === state.step) return last.path
      const name = stepFileName(outputName, state.step)
      return saveBoth(state, name, saveState)
    },

    async final(state) {
      const name = finalFileName(settings)
      await saveBoth(state, name, saveState || settings.saveStateOnTrainEnd)
    },

    lastState: () => lastState,
  }
}

/** The number up to which saved files are removed. Source: sd-scripts `get_remove_step_no`, `get_remove_epoch_no`. */
function oldest(
  number: number,
  { unit, count }: Pick<SaveRhythm, "unit" | "count">,
  settings: SaverSettings,
  isState: boolean,
): number {
  const { saveLastNSteps, saveLastNEpochs } = settings
  if (unit === "steps") {
    const kept = isState ? (settings.saveLastNStepsState ?? saveLastNSteps) : saveLastNSteps
    return kept === undefined ? -1 : number - kept - 1
  }
  const kept = isState ? (settings.saveLastNEpochsState ?? saveLastNEpochs) : saveLastNEpochs
  return kept === undefined ? -1 : number - kept * count
}

/** Removes what the run has saved up to a number. */
async function removeOlder(saved: Saved[], number: number): Promise<void> {
  for (const { path } of saved.filter((one) => one.number <= number)) await rm(path, { recursive: true, force: true })
  saved.splice(0, saved.length, ...saved.filter((one) => one.number > number))
}
