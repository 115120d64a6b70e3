import type { TrainState } from "@lllite/core/training"
import { InputError } from "@lllite/runtime-node"
import type { TrainingSet } from "./validation/hold-out.ts"

/** A data set that stops its run when an example cannot be read. */
export interface StoppingSet {
  readonly dataset: TrainingSet
  /** Stops the run: when the user's signal aborts, or at the first example that cannot be read. */
  readonly signal: AbortSignal
  /** Why an example could not be read. Null: all could be read. */
  fault(): unknown
}

/** A run that a fault has ended. */
interface FaultedRun {
  readonly state: TrainState
  readonly steps: number
  /** The step that the run began with. */
  readonly first: number
}

/**
 * A data set whose files may disappear while a run reads them. The run then ends with the state of its last complete
 * step, as it does when the user stops it.
 *
 * @param signal the user's
 */
export function stopAtFault(dataset: TrainingSet, signal: AbortSignal): StoppingSet {
  const stop = new AbortController()
  let found: { readonly error: unknown } | null = null
  const watched = async <T>(reading: Promise<T>): Promise<T> => {
    try {
      return await reading
    } catch (error) {
      found ??= { error }
      stop.abort(error)
      throw error
    }
  }
  const { latents, texts } = dataset
  return {
    dataset: {
      ...dataset,
      example: (index, view) => watched(dataset.example(index, view)),
      ...(latents === undefined
        ? {}
        : { latents: { ...latents, read: (index, isFlipped) => watched(latents.read(index, isFlipped)) } }),
      ...(texts === undefined ? {} : { texts: { ...texts, read: (index) => watched(texts.read(index)) } }),
    },
    signal: AbortSignal.any([signal, stop.signal]),
    fault: () => found?.error ?? null,
  }
}

/**
 * Saves the last state of a run that a fault has ended.
 *
 * @throws the fault, and it names the saved file. Without a step of this run there is nothing to save
 */
export async function saveAtFault(
  fault: unknown,
  { state, steps, first }: FaultedRun,
  save: (state: TrainState) => Promise<string>,
): Promise<never> {
  if (!(fault instanceof Error) || state.step <= first) throw fault
  const reason = `${fault.message.replace(/\.$/, "")}. The training ended after ${state.step} of ${steps} steps.`
  const code = fault instanceof InputError ? fault.code : "dataset-files"
  const saved = await save(state).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new InputError(code, `${reason} Its LLLite could not be saved: ${why}`, { cause })
  })
  throw new InputError(code, `${reason} Its LLLite is saved as "${saved}".`, { cause: fault })
}
