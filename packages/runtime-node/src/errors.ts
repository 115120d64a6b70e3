/**
 * Why input was refused, for callers that have more advice. Codes are stable: switch on the code, not on the message.
 */
export type InputErrorCode = "setup-python" | "setup-wheel" | "setup-package" | "setup-gpu"

/** Input that cannot be used. The message names it, what was expected, what came, and what to do. */
export class InputError extends Error {
  override readonly name = "InputError"
  readonly code: InputErrorCode | undefined

  constructor(message: string, { code, ...options }: ErrorOptions & { readonly code?: InputErrorCode } = {}) {
    super(message, options)
    this.code = code
  }
}

/** The cause of a failed system call and what to do about it, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder. Check the path.",
  EACCES: "permission was refused. Check who may read and write there.",
  EPERM: "the system does not allow it. Check who may read and write there.",
  EISDIR: "it is a folder, expected a file. Give the path of a file.",
  ENOTDIR: "a part of the path is a file, expected folders. Check the path.",
  EEXIST: "it exists already. Choose another name.",
  ENOSPC: "the disk is full. Make room or choose another place.",
  EROFS: "the file system is read-only. Choose another place.",
  EMFILE: "too many files are open. Close some, or raise the limit.",
  ENAMETOOLONG: "the name is too long. Choose a shorter one.",
}

/** A failed file operation as an {@link InputError}: `cannot read "a.png": there is no such file …`. */
export function fileError(verb: string, path: string, cause: unknown): InputError {
  if (cause instanceof InputError) return cause
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const reason = ADVICE[code] ?? (cause instanceof Error ? cause.message : String(cause))
  return new InputError(`cannot ${verb} "${path}": ${reason}`, { cause })
}
