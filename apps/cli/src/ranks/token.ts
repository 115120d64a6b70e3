import { readTextFile } from "@lllite/runtime-node/files"
import { UsageError } from "../terminal/errors.ts"

/** The variable of the environment that has the token. */
export const TOKEN_VARIABLE = "LLLITE_RANKS_TOKEN"

/** The variable that names a file with the token, such as a secret that an engine mounts. */
const FILE_VARIABLE = `${TOKEN_VARIABLE}_FILE`

/**
 * The secret that all ranks of a run share: from a file, or from the environment. It is not an option, because other users
 * of the machine can read command lines.
 *
 * @throws UsageError when there is none; InputError for a file that cannot be read
 */
export async function readToken(
  path: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const given = environment[TOKEN_VARIABLE]?.trim() ?? ""
  if (path === undefined && given !== "") return given
  const file = path ?? (environment[FILE_VARIABLE] || undefined)
  const token = file === undefined ? "" : (await readTextFile(file)).trim()
  if (token !== "") return token
  const where = file === undefined ? `The variable ${TOKEN_VARIABLE} is empty` : `"${file}" is empty`
  throw new UsageError(
    "environment",
    `ranks: there is no token. ${where}. Give all processes of the run the same secret, for example: export ${TOKEN_VARIABLE}=$(openssl rand -hex 16)`,
  )
}
