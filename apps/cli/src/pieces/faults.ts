import { InputError } from "@lllite/runtime-node"

/** An error that names a file as the user knows it, and not as this machine keeps it. */
export function namedFault(error: unknown, path: string, name: string): unknown {
  if (!(error instanceof InputError)) return error
  return new InputError(error.code, error.message.replaceAll(path, name), { cause: error })
}
