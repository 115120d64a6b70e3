import { memoryError } from "@lllite/core/runtime"
import { LlliteError, safeText } from "@lllite/format"
import { systemReason } from "@lllite/runtime-node/files"

import { adviceFor } from "./advice.ts"

/** Why a command line was refused. Stable: `docs/errors.md` lists what to do. */
export type UsageErrorCode =
  /** The options or arguments of the command are wrong. */
  | "options"
  /** The line names no command. */
  | "command-missing"
  /** The name of the command is not known. */
  | "command-unknown"
  /** The selected layers or blocks are not in the file. */
  | "selection"
  /** An environment variable has a value that is not allowed. */
  | "environment"
  /** The package of the server, or of ranks, is not installed. */
  | "package-missing"
  /** Workers could not do pieces of the work. */
  | "parked"

/** A wrong command line. The message says what was expected and what to do. */
export class UsageError extends LlliteError<UsageErrorCode> {
  static override readonly kind = "UsageError"
  override readonly name = "UsageError"
}

/** A signal stopped the run. The work until then is saved. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError"
}

/** Names of errors that the user can correct. An error from a worker thread has lost its class, but not its name. */
const ABOUT_INPUT = new Set([
  ...["UsageError", "InterruptedError", "InputError", "FormatError", "CoreError", "DivergedError", "RangeError"],
  ...["WasmOpsError", "WebgpuOpsError", "WebgpuLimitError", "WebgpuDeviceError", "RanksError"],
])

export const EXIT_FAILURE = 1

/** The exit code of a failure that may be over at the next try. Source: EX_TEMPFAIL of sysexits.h */
export const EXIT_TRY_AGAIN = 75

/** Codes of errors about other machines. The same command may work later. */
const TRY_AGAIN = new Set(["RanksError unreachable", "RanksError rank-lost"])

/** The exit code for an error. A run that could be saved ends with an error whose cause is that of another machine. */
export function exitCodeOf(error: unknown): number {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { name, code } = each as Error & { readonly code?: unknown }
    if (TRY_AGAIN.has(`${name} ${code}`)) return EXIT_TRY_AGAIN
  }
  return EXIT_FAILURE
}

/**
 * The text for an error: its message, or for an unexpected one, how to report it. Only LLLITE_DEBUG=1 shows the stack.
 */
export function describeError(error: unknown, environment: NodeJS.ProcessEnv = process.env): string {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const debug = environment.LLLITE_DEBUG === "1"
  const known = describeInput(error) ?? (isInterrupted(error) ? message : null)
  const sentence = known ?? `unexpected error: ${message}`
  const stop = /[.!?]$/.test(sentence) ? "" : "."
  const hint =
    known !== null || debug ? "" : `${stop} To see where, set LLLITE_DEBUG=1 and run it again. Please report it.`
  return safeText(`lllite: ${sentence}${hint}${debug && stack !== undefined ? `\n${stack}` : ""}`)
}

/** The text of an error that the user can correct, with the command's advice. Null for other errors. */
export function describeInput(error: unknown): string | null {
  if (!(error instanceof Error) || isInterrupted(error)) return null
  const memory = memoryError(error)
  if (memory !== null) return advised(memory.message, memory)
  if (error instanceof LlliteError || ABOUT_INPUT.has(error.name)) return advised(error.message, error)
  return describeSystem(error)
}

/** The system's refusal of a call that no other sentence describes. */
function describeSystem(error: Error): string | null {
  const reason = systemReason(error)
  if (reason === null) return null
  const { path } = error as NodeJS.ErrnoException
  return path === undefined ? `the system refused it: ${reason}` : `cannot use ${JSON.stringify(path)}: ${reason}`
}

function isInterrupted(error: unknown): boolean {
  return error instanceof Error && error.name === "InterruptedError"
}

function advised(message: string, error: unknown): string {
  const advice = adviceFor(error)
  return advice === null ? message : `${message}${message.includes("\n") ? "\n" : " "}${advice}`
}
