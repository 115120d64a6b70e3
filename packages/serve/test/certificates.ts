import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { needs } from "../../format/test/needs.ts"
import type { TestCertificates } from "./redis.ts"

/** Tests that make certificates. */
export const withOpenssl = needs("openssl", hasOpenssl())

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** Makes an authority of its own, and a certificate by it. @param names that the certificate is for, as OpenSSL writes them */
export function makeCertificates(folder: string, names = "IP:127.0.0.1,DNS:localhost", days = 2): TestCertificates {
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]): void => void execFileSync("openssl", args, { stdio: "ignore" })
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.pem"),
    "-subj",
    "/CN=test authority",
    "-days",
    "2",
  )
  openssl("req", ...key, "-keyout", at("redis.key"), "-out", at("redis.csr"), "-subj", "/CN=redis")
  writeFileSync(at("names"), `subjectAltName=${names}\n`)
  const signing = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at("names")]
  openssl("x509", "-req", "-in", at("redis.csr"), ...signing, "-days", String(days), "-out", at("redis.pem"))
  return { cert: at("redis.pem"), key: at("redis.key"), ca: at("ca.pem") }
}
