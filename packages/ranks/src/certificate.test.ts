import { generateKeyPairSync } from "node:crypto"
import { expect, it } from "vitest"
import { CERTIFICATE, KEY } from "../test/certificate.ts"
import { checkAuthority, checkTls } from "./certificate.ts"
import { startRankHub } from "./hub.ts"
import { runRank } from "./rank.ts"

it("takes a certificate with its own key", () => {
  expect(() => checkTls({ certificate: CERTIFICATE, key: KEY })).not.toThrow()
  expect(() => checkAuthority(CERTIFICATE)).not.toThrow()
})

it("refuses texts that are not certificates or keys, and a key of another certificate", () => {
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" })
  for (const wrong of [
    { certificate: "hello", key: KEY },
    { certificate: CERTIFICATE, key: "" },
    { certificate: CERTIFICATE, key: String(other) },
  ]) {
    expect(() => checkTls(wrong)).toThrow(/certificate and its key cannot be used: [^:]*\. Expected PEM files/)
  }
  expect(() => checkAuthority("hello")).toThrow("the certificate to trust cannot be used")
})

it("refuses them in both ends of a connection, before these connect", async () => {
  const identity = {} as Parameters<typeof startRankHub>[0]["identity"]
  const tls = { certificate: "hello", key: KEY }
  const shared = { token: "a secret", identity }
  await expect(startRankHub({ ...shared, host: "127.0.0.1", port: 0, tls })).rejects.toMatchObject({
    code: "certificate",
  })
  const gradient = (): Promise<never> => Promise.reject(new Error("nothing is computed here"))
  const address = { host: "127.0.0.1", port: 9 }
  await expect(
    runRank({
      ...shared,
      address,
      gradient,
      name: "a rank",
      places: 1,
      signal: new AbortController().signal,
      tls: { ca: "hello" },
    }),
  ).rejects.toMatchObject({ code: "certificate" })
})
