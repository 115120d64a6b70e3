import { checkArgument } from "../argument.ts"

/**
 * Work that can stop between two of its steps. It yields after each step, and returns its result. Its `finally` frees
 * what it holds.
 */
export type Steps<T> = Generator<void, T, void>

/** How steps are stopped. */
export interface StopOptions {
  readonly signal?: AbortSignal
  /** Awaited before each check of the signal. See core's `GenerateOptions`. */
  readonly pause?: () => Promise<void>
}

/** @throws CoreError for options that are not how steps are stopped */
export function checkStop(place: string, stop: unknown): asserts stop is StopOptions {
  checkArgument(`${place}: how it stops`, stop, "an object")
  const { signal, pause } = stop as StopOptions
  if (signal !== undefined) checkArgument(`${place}: signal`, signal, "an AbortSignal")
  if (pause !== undefined) checkArgument(`${place}: pause`, pause, "a function")
}

/** Pauses, and stops where the signal says so. @throws the signal's reason when aborted */
export async function letStop(stop: StopOptions): Promise<void> {
  checkStop("stop", stop)
  const { signal, pause } = stop
  await pause?.()
  signal?.throwIfAborted()
}

/** Runs all steps without a pause. */
export function runAtOnce<T>(steps: Steps<T>): T {
  let next = steps.next()
  while (next.done !== true) next = steps.next()
  return next.value
}

/** Runs steps, with a pause and a check of the signal before each. @throws the signal's reason when aborted */
export async function runUntilStopped<T>(steps: Steps<T>, { signal, pause }: StopOptions): Promise<T> {
  try {
    for (;;) {
      await pause?.()
      signal?.throwIfAborted()
      const next = steps.next()
      if (next.done === true) return next.value
    }
  } finally {
    // After the last step this does nothing.
    steps.return(undefined as never)
  }
}
