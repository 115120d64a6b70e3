import { InterruptedError } from "./errors.ts"

/** Signals that stop a command, with the exit codes that shells expect: 128 and the signal's number. */
const STOP_SIGNALS = [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const

type StopSignal = (typeof STOP_SIGNALS)[number][0]

/**
 * Milliseconds after the first signal in which further ones are the same press of Ctrl-C. A terminal signals all programs
 * of the line, and npm passes the signal on to the command that it runs.
 */
const SAME_PRESS = 100

/** A watch for the signals that stop a command. */
export interface Interrupt {
  /** Aborted at the first signal. The reason is an InterruptedError. */
  readonly signal: AbortSignal
  /** The exit code of a command that was stopped. Null before the first signal. */
  exitCode(): number | null
  /** Ends the watch: signals have their usual effect again. */
  stop(): void
}

/** The events of a process. */
export interface SignalSource {
  on(name: StopSignal, listener: () => void): unknown
  off(name: StopSignal, listener: () => void): unknown
}

export interface InterruptOptions {
  /** Default: this process */
  readonly source?: SignalSource
  /** Ends the program at once. */
  readonly end?: (name: StopSignal, code: number) => void
  /** Milliseconds, from any start. */
  readonly now?: () => number
}

/**
 * Watches for Ctrl-C (SIGINT), SIGTERM and SIGHUP. The first signal aborts, and the command ends by itself. A second
 * Ctrl-C or SIGTERM ends the program at once. A second SIGHUP does not, because a terminal that closes may send several.
 */
export function watchInterrupt({
  source = process,
  end = endNow,
  now = () => performance.now(),
}: InterruptOptions = {}): Interrupt {
  const controller = new AbortController()
  let first: { readonly code: number; readonly at: number } | null = null
  const listeners = STOP_SIGNALS.map(([name, code]) => {
    const listener = (): void => {
      if (first === null) {
        first = { code, at: now() }
        controller.abort(new InterruptedError("stopped"))
      } else if (name !== "SIGHUP" && now() - first.at > SAME_PRESS) end(name, code)
    }
    return [name, listener] as const
  })
  for (const [name, listener] of listeners) source.on(name, listener)
  return {
    signal: controller.signal,
    exitCode: () => first?.code ?? null,
    stop: () => {
      for (const [name, listener] of listeners) source.off(name, listener)
    },
  }
}

/**
 * Ends the process by the signal itself, after the listeners of its exit: they remove temporary files and end programs.
 * `process.exit` would wait for worker threads. Inside of a native library, that can take long or crash.
 */
function endNow(name: StopSignal, code: number): void {
  process.emit("exit", code)
  process.removeAllListeners(name)
  process.kill(process.pid, name)
}
