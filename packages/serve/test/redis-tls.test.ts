import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RedisPlace } from "@lllite/serve"
import { startWorker } from "@lllite/serve"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { needsAll } from "../../format/test/needs.ts"
import { makeCertificates, withOpenssl } from "./certificates.ts"
import { startRedis, type TestCertificates, type TestRedis, withRedis } from "./redis.ts"
import { endedJob, NO_MODELS, startJob, testFolder, testRunner, testServer } from "./test-server.ts"

/* A real Redis with TLS, whose certificate is signed by an authority that Node does not know. */

const PASSWORD = "not-to-be-shown"
const NEEDS = needsAll(withRedis, withOpenssl)

let folder = ""
let files: TestCertificates | null = null
let redis: TestRedis | null = null

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-tls-"))
  if (NEEDS.skip) return
  files = makeCertificates(folder)
  redis = await startRedis(PASSWORD, files)
})
afterAll(async () => {
  await redis?.close()
  await rm(folder, { recursive: true })
})

const ca = (): Promise<string> => readFile(files?.ca ?? "", "utf8")

function worker(place: RedisPlace): ReturnType<typeof startWorker> {
  return startWorker({ redis: place, library: NO_MODELS, name: "test", createRunner: () => testRunner() })
}

/** Why a Redis is refused. It never has the password. */
async function refusal(place: RedisPlace): Promise<string> {
  const text = await worker(place).then(
    () => "it was not refused",
    (error: Error) => error.message,
  )
  expect(text).not.toContain(PASSWORD)
  return text
}

describe("Redis with TLS", NEEDS, () => {
  it("carries jobs, with a private authority and a password", async () => {
    const place = { url: redis?.url() ?? "", password: PASSWORD, ca: await ca() }
    const server = await testServer({ folder: await testFolder(), redis: place })
    const own = await worker(place)
    onTestFinished(() => own.close())
    expect(own.redis).toMatch(/^rediss:\/\/127\.0\.0\.1:\d+/)
    const { id } = await startJob(server.url)
    expect(await endedJob(server.url, id)).toMatchObject({ state: "done", error: null })
  })

  it("is refused with a sentence that says what to do", async () => {
    const url = redis?.url() ?? ""
    const place = { url, password: PASSWORD, ca: await ca() }
    expect(await refusal({ url, password: PASSWORD })).toMatch(
      /^Redis at rediss:\S+ cannot be used: its certificate is not trusted: .*\. Give the certificate that signed it by --redis_ca_file\.$/,
    )
    expect(await refusal({ ...place, password: "wrong" })).toMatch(
      /WRONGPASS.* Give the password by --redis_password_file/,
    )
    expect(await refusal({ ...place, password: null })).toMatch(/it asks for a password\. Give the password/)
    const withPassword = url.replace("rediss://", `rediss://:${PASSWORD}@`)
    expect(await refusal({ url: withPassword })).toMatch(/its certificate is not trusted/)
    expect(await refusal({ url: url.replace("rediss:", "redis:"), password: PASSWORD })).toMatch(
      /it ends the connection\. If it has TLS, use rediss:/,
    )
    expect(await refusal({ ...place, url: url.replace("rediss:", "redis:") })).toMatch(
      /certificates for Redis have no effect without TLS/,
    )
  })

  it("is refused without TLS, with a certificate for another name, or with one that has expired", async () => {
    const plain = await startRedis()
    onTestFinished(() => plain.close())
    const url = plain.url().replace("redis:", "rediss:")
    expect(await refusal({ url, ca: await ca() })).toMatch(
      /it does not answer with TLS\. If it is there without TLS, use redis:/,
    )
    for (const [name, names, days, text] of [
      ["other", "DNS:elsewhere", 2, "its certificate is for another name"],
      ["old", "IP:127.0.0.1", 0, "its certificate has expired"],
    ] as const) {
      const own = await mkdtemp(join(folder, `${name}-`))
      const made = makeCertificates(own, names, days)
      const other = await startRedis(undefined, made)
      onTestFinished(() => other.close())
      expect(await refusal({ url: other.url(), ca: await readFile(made.ca, "utf8") })).toContain(text)
    }
  })
})
