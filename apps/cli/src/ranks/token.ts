import { readTextFile } from "@lllite/runtime-node/files"
import { UsageError } from "../terminal/errors.ts"

/** The variable of the environment that has the token. */
export const TOKEN_VARIABLE = "LLLITE_RANKS_TOKEN"

/**
 * The secret that all ranks of a run share: from a file, or from the environment. It is no option, because other users
 * of the machine can read command lines.
 *
 * @throws UsageError when there is none; InputError for a file that cannot be read
 */
export async function readToken(path: string | undefined): Promise<string> {
  const token = (path === undefined ? (process.env[TOKEN_VARIABLE] ?? "") : await readTextFile(path)).trim()
  if (token !== "") return token
  const where = path === undefined ? `The variable ${TOKEN_VARIABLE} is empty` : `"${path}" is empty`
  throw new UsageError(
    "environment",
    `ranks: there is no token. ${where}. Give all processes of the run the same secret, for example: export ${TOKEN_VARIABLE}=$(openssl rand -hex 16)`,
  )
}
