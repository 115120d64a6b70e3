import { createPrivateKey, X509Certificate } from "node:crypto"
import { createSecureContext } from "node:tls"
import { checkArgument } from "@lllite/core/names"
import { RanksError } from "./errors.ts"

/** What a leading process needs for TLS. */
export interface TlsKeys {
  /** PEM */
  readonly certificate: string
  /** PEM */
  readonly key: string
}

/**
 * Checks a certificate and its key, before anything is loaded or listens.
 *
 * @throws RanksError `certificate`
 */
export function checkTls(keys: TlsKeys): void {
  checkArgument("ranks: the certificate and its key", keys, "an object")
  const { certificate, key } = keys
  try {
    // TLS itself passes over an empty text, and no connection can be made then.
    new X509Certificate(certificate)
    createPrivateKey(key)
    createSecureContext({ cert: certificate, key })
  } catch (cause) {
    throw unusable("the certificate and its key", "PEM files that belong together", cause)
  }
}

/**
 * Checks the certificate that a rank is to trust. TLS passes over a text that is not one, and trusts nothing then.
 *
 * @param ca PEM
 * @throws RanksError `certificate`
 */
export function checkAuthority(ca: string): void {
  try {
    new X509Certificate(ca)
  } catch (cause) {
    throw unusable("the certificate to trust", "a PEM file", cause)
  }
}

function unusable(what: string, expected: string, cause: unknown): RanksError {
  // OpenSSL's messages are "error:NUMBER:PART::reason".
  const reason = (cause instanceof Error ? cause.message : String(cause)).split("::").at(-1)
  return new RanksError("certificate", `ranks: ${what} cannot be used: ${reason}. Expected ${expected}.`, { cause })
}
