import type { ChildProcess } from "node:child_process"
import { execFileSync, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import { needs } from "../../format/test/needs.ts"

/** Tests that need a real Redis. */
export const withRedis = needs("redis-server (Debian: apt-get install redis-server)", hasRedis())

function hasRedis(): boolean {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** A Redis of its own, which can be killed and started again with what it has on disk. */
export interface TestRedis {
  /** The address of a database that no test has used. */
  url(): string
  readonly port: number
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it and removes its files. */
  close(): Promise<void>
}

/** Files of a Redis with TLS. */
export interface TestCertificates {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/**
 * Starts a Redis that appends each change to its file.
 *
 * @param password what it asks for, if anything; @param tls with them, its port takes TLS alone
 */
export async function startRedis(password?: string, tls: TestCertificates | null = null): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), "lllite-redis-"))
  let port = 0
  let child: ChildProcess | null = null
  let databases = 0
  const kill = async (): Promise<void> => {
    const own = child
    child = null
    if (own === null) return
    const ended = new Promise((resolve) => own.once("exit", resolve))
    own.kill("SIGKILL")
    await ended
  }
  const start = async (): Promise<void> => {
    const ports = tls === null ? ["--port", String(port)] : ["--port", "0", "--tls-port", String(port)]
    const files =
      tls === null
        ? []
        : [
            "--tls-cert-file",
            tls.cert,
            "--tls-key-file",
            tls.key,
            "--tls-ca-cert-file",
            tls.ca,
            "--tls-auth-clients",
            "no",
          ]
    const args = [...ports, ...files, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes"]
    const secret = password === undefined ? [] : ["--requirepass", password]
    const own = spawn("redis-server", [...args, "--databases", "500", ...secret], { stdio: "ignore" })
    child = own
    const secure = tls === null ? {} : { tls: { rejectUnauthorized: false } }
    const client = new Redis({
      port,
      ...secure,
      ...(password === undefined ? {} : { password }),
      maxRetriesPerRequest: null,
    })
    client.on("error", () => {})
    // It answers with an error while it reads its file.
    const isThere = async (): Promise<boolean> => (await client.ping().catch(() => null)) !== null
    const over = new Promise<boolean>((resolve) => own.once("exit", () => resolve(false)))
    while (own.exitCode === null && !(await Promise.race([isThere(), over]))) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    client.disconnect()
    if (own.exitCode !== null) throw new Error(`redis-server ended with ${own.exitCode}`)
  }
  // Another program may take a port that was free.
  const startAnywhere = async (tries: number): Promise<void> => {
    port = await freePort()
    await start().catch((error: unknown) => {
      if (tries === 1) throw error
      return startAnywhere(tries - 1)
    })
  }
  await startAnywhere(5)
  return {
    port,
    url: () => `${tls === null ? "redis" : "rediss"}://127.0.0.1:${port}/${databases++}`,
    kill,
    start,
    async close() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
}

/** Removes all that a database has. */
export async function emptyDatabase(url: string): Promise<void> {
  const client = new Redis(url)
  await client.flushdb()
  client.disconnect()
}

/** Removes the keys of a pattern. */
export async function forgetKeys(url: string, pattern: string): Promise<void> {
  const client = new Redis(url)
  const keys = await client.keys(pattern)
  if (keys.length > 0) await client.del(keys)
  client.disconnect()
}
