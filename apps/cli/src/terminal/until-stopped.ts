import { InterruptedError } from "./errors.ts"

/** What a user reads who stops a training early. */
export const NOTHING_TO_SAVE = "stopped before the end of the first step. There is nothing to save"

/**
 * The result of work that has nothing to save. At an abort the promise rejects at once. The work goes on without a
 * result, until its runtime is disposed or the program ends. An abort counts that comes while the last part of the work
 * keeps the thread busy.
 *
 * @param message what the user reads after an abort
 * @throws InterruptedError at an abort; the errors of the work
 */
export function untilStopped<T>(work: Promise<T>, signal: AbortSignal, message = "stopped"): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new InterruptedError(message))
    if (signal.aborted) stop()
    signal.addEventListener("abort", stop, { once: true })
    // Signals that came while the thread was busy are heard before the immediate.
    const settle = (end: () => void): void => {
      setImmediate(() => {
        signal.removeEventListener("abort", stop)
        end()
      })
    }
    work.then(
      (result) => settle(() => resolve(result)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}
