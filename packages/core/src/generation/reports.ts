/**
 * Reports from inside of a generator's step. The step waits at each report until the consumer asks for more. So nothing
 * runs while the consumer has a report, and a consumer that leaves ends the step.
 */
export interface Reports<R> {
  /** Gives a report, and waits. @throws the reason of `end` */
  readonly report: (value: R) => Promise<void>
  /** The steps of a generator, with the reports between them, and its result. */
  within<S, T>(steps: AsyncGenerator<S, T, void>): AsyncGenerator<Step<S, R>, T, void>
}

/** A step, or a report from inside of the next one. */
export type Step<S, R> = { readonly kind: "step"; readonly step: S } | { readonly kind: "report"; readonly report: R }

/** A promise that is settled from outside. */
interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>["resolve"] = () => {}
  let reject: Deferred<T>["reject"] = () => {}
  const promise = new Promise<T>((done, failed) => {
    resolve = done
    reject = failed
  })
  return { promise, resolve, reject }
}

/** The consumer has left. */
class LeftError extends Error {
  override readonly name = "LeftError"
}

/** Creates reports for one generator at a time. */
export function createReports<R>(): Reports<R> {
  let arrived = deferred<R>()
  let waiting: Deferred<void> | null = null
  return {
    report(value) {
      waiting = deferred<void>()
      arrived.resolve(value)
      return waiting.promise
    },
    async *within<S, T>(steps: AsyncGenerator<S, T, void>): AsyncGenerator<Step<S, R>, T, void> {
      let running: Promise<IteratorResult<S, T>> | null = null
      let isFinished = false
      try {
        for (;;) {
          running ??= steps.next()
          const next = await Promise.race([running, arrived.promise.then((report) => ({ report }))])
          if ("report" in next) {
            yield { kind: "report", report: next.report }
            arrived = deferred<R>()
            waiting?.resolve()
            waiting = null
            continue
          }
          running = null
          if (next.done === true) {
            isFinished = true
            return next.value
          }
          yield { kind: "step", step: next.value }
        }
      } finally {
        // A step that waits at a report ends with its own error. This one is dropped.
        if (running !== null) {
          running.catch(() => {})
          waiting?.reject(new LeftError("left"))
        }
        // An ended generator has no result.
        if (!isFinished) await steps.return(undefined as unknown as T)
      }
    },
  }
}
