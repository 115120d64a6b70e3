import { readTextFile } from "@lllite/runtime-node/files"
import { file } from "@lllite/runtime-node/options"
import type { RedisPlace } from "@lllite/serve"

/** The variable of the environment that has the password of Redis. */
const PASSWORD_VARIABLE = "LLLITE_REDIS_PASSWORD"

/** The file with the password of Redis, for the server and its workers. */
export const REDIS_PASSWORD_FILE = file({
  otherwise: `${PASSWORD_VARIABLE} of the environment`,
  help: "File with the password of Redis. Other users of the machine can read command lines.",
})

/**
 * Where Redis is, with its password from a file or from the environment.
 *
 * @throws InputError for a file that cannot be read
 */
export async function redisPlace(url: string, passwordFile: string | undefined): Promise<RedisPlace> {
  const given = passwordFile === undefined ? (process.env[PASSWORD_VARIABLE] ?? "") : await readTextFile(passwordFile)
  const password = given.trim()
  return { url, password: password === "" ? null : password }
}
