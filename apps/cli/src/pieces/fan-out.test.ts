import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { fanOutArguments, fanOutOf } from "./fan-out.ts"

describe("fanOutOf", () => {
  it("leaves the work to this process without a Redis, and takes a store with one", async () => {
    expect(await fanOutOf({})).toBeNull()
    expect(await fanOutOf({ redis: "redis://x", store: "s3://b/p", s3Endpoint: "http://y" })).toEqual({
      redis: { url: "redis://x", password: null, ca: null },
      store: { place: "s3://b/p", endpoint: "http://y" },
    })
  })

  it.each([
    [{ redis: "redis://x" }, "--redis needs a store for what workers read and make. Give --store"],
    [{ store: "s" }, "--store has no effect without --redis"],
    [{ s3Endpoint: "http://x" }, "--s3_endpoint has no effect without --redis"],
    [{ redisCaFile: "ca.pem" }, "--redis_ca_file has no effect without --redis"],
  ])("refuses %j", async (settings, message) => {
    await expect(fanOutOf(settings)).rejects.toThrow(message)
  })

  it("reads certificates, and refuses a file without one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lllite-ca-"))
    onTestFinished(() => rm(folder, { recursive: true }))
    const redisCaFile = join(folder, "ca.pem")
    const settings = { redis: "rediss://x", store: "s", redisCaFile }
    await writeFile(redisCaFile, "a key")
    await expect(fanOutOf(settings)).rejects.toThrow(
      /ca\.pem" has no certificate, expected text that begins with -----BEGIN/,
    )
    await writeFile(redisCaFile, "-----BEGIN CERTIFICATE-----\n")
    expect((await fanOutOf(settings))?.redis.ca).toBe("-----BEGIN CERTIFICATE-----\n")
  })
})

describe("fanOutArguments", () => {
  it("gives a command the store from its folder, and the password by its environment alone", () => {
    expect(fanOutArguments({}, { url: "redis://x" })).toBeNull()
    const { flags = [], environment } =
      fanOutArguments({ store: "pairs", redisCaFile: "ca.pem" }, { url: "rediss://user:se%20cret@x:1/2" }) ?? {}
    expect(flags).toEqual([
      "--redis=rediss://user@x:1/2",
      `--store=${resolve("pairs")}`,
      `--redis_ca_file=${resolve("ca.pem")}`,
    ])
    expect(environment).toEqual({ LLLITE_REDIS_PASSWORD: "se cret" })
    const other = fanOutArguments({ store: "s3://b", s3Endpoint: "http://y" }, { url: "redis://x", password: "p" })
    expect(other).toEqual({
      flags: ["--redis=redis://x", "--store=s3://b", "--s3_endpoint=http://y"],
      environment: { LLLITE_REDIS_PASSWORD: "p" },
    })
  })
})
