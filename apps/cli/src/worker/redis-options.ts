import { readTextFile } from "@lllite/runtime-node/files"
import { file } from "@lllite/runtime-node/options"
import type { RedisPlace } from "@lllite/serve"
import { UsageError } from "../terminal/errors.ts"

/** The variable of the environment that has the password of Redis. */
export const PASSWORD_VARIABLE = "LLLITE_REDIS_PASSWORD"

/** The file with the password of Redis, for the server and its workers. */
export const REDIS_PASSWORD_FILE = file({
  otherwise: `${PASSWORD_VARIABLE} of the environment`,
  help: "File with the password of Redis. Other users of the machine can read command lines.",
})

/** The certificates that Redis' one may be signed by. */
export const REDIS_CA_FILE = file({
  otherwise: "the certificates that Node trusts",
  help: "File with certificates (PEM) that may have signed the one of Redis, for rediss:// with a private authority.",
})

/** The options of a connection to Redis beside its address. */
export interface RedisFiles {
  readonly redisPasswordFile?: string | undefined
  readonly redisCaFile?: string | undefined
}

/**
 * Where Redis is, with its password from a file or from the environment.
 *
 * @throws InputError for a file that cannot be read; UsageError for one without a certificate
 */
export async function redisPlace(url: string, { redisPasswordFile, redisCaFile }: RedisFiles): Promise<RedisPlace> {
  const given =
    redisPasswordFile === undefined ? (process.env[PASSWORD_VARIABLE] ?? "") : await readTextFile(redisPasswordFile)
  const password = given.trim()
  const ca = redisCaFile === undefined ? null : await readTextFile(redisCaFile)
  if (ca !== null && !ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw new UsageError(
      "options",
      `"${redisCaFile}" has no certificate, expected text that begins with -----BEGIN CERTIFICATE-----.`,
    )
  }
  return { url, password: password === "" ? null : password, ca }
}
