import { adviceFor } from "./advice.ts"

/** A command that was used in a way it cannot work: the message says what was expected and what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/** The run was stopped by Ctrl-C; what was done is saved. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError"
}

/** Errors about what the person gave or did. Compared by name, since an error from a worker thread has lost its class. */
const ABOUT_INPUT = new Set(["UsageError", "InterruptedError", "InputError", "FormatError", "CoreError", "RangeError"])

export const EXIT_FAILURE = 1
/** What shells expect of a program that ended by SIGINT: 128 + 2. */
export const EXIT_INTERRUPTED = 130

/**
 * What to say about an error: its own sentence, or for one that should not have happened, that it is a bug. The stack
 * is shown only when asked for with LLLITE_DEBUG=1.
 */
export function describeError(error: unknown, environment: NodeJS.ProcessEnv = process.env): string {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  const debug = environment.LLLITE_DEBUG === "1"
  const known = ABOUT_INPUT.has(name)
  const advice = adviceFor(error)
  const advised = advice === null ? message : `${message}${message.includes("\n") ? "\n" : " "}${advice}`
  const sentence = known ? advised : `something went wrong inside the program: ${message}`
  const hint = known || debug ? "" : " Set LLLITE_DEBUG=1 to see where, and report it."
  return `lllite: ${sentence}${hint}${debug && stack !== undefined ? `\n${stack}` : ""}`
}
