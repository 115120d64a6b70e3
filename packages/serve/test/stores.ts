import { execFileSync, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { needs } from "../../format/test/needs.ts"
import { freePort } from "./redis.ts"

/** The S3-compatible server of the tests: versitygw over a folder. */
const program = findProgram()

/** Tests that need an S3-compatible server. */
export const withS3 = needs("versitygw (scripts/versitygw.sh)", program !== null)

function findProgram(): string | null {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache")
  const built = join(cache, "lllite/versitygw/versitygw")
  if (existsSync(built)) return built
  try {
    execFileSync("versitygw", ["--version"], { stdio: "ignore" })
    return "versitygw"
  } catch {
    return null
  }
}

/** A server of S3 with the bucket `pairs`, which can be killed and started again. */
export interface TestS3 {
  readonly endpoint: string
  /** What programs need to use it. */
  readonly environment: Readonly<Record<string, string>>
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it and removes its files. */
  close(): Promise<void>
}

export const S3_SECRET = "secret-not-to-be-shown"

export async function startS3(): Promise<TestS3> {
  const folder = await mkdtemp(join(tmpdir(), "lllite-s3-"))
  await mkdir(join(folder, "pairs"))
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  let kill = async (): Promise<void> => {}
  const start = async (): Promise<void> => {
    const child = spawn(program ?? "", ["--port", `127.0.0.1:${port}`, "--quiet", "posix", folder], {
      env: { ...process.env, ROOT_ACCESS_KEY: "test-key", ROOT_SECRET_KEY: S3_SECRET },
      stdio: "ignore",
    })
    const ended = new Promise((resolve) => child.once("exit", resolve))
    kill = async () => {
      child.kill("SIGKILL")
      await ended
    }
    // It refuses a request without a key, as soon as it listens.
    while (!(await fetch(endpoint).catch(() => null))) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await start()
  return {
    endpoint,
    environment: {
      ...{ AWS_ACCESS_KEY_ID: "test-key", AWS_SECRET_ACCESS_KEY: S3_SECRET },
      ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: "us-east-1" },
    },
    kill: () => kill(),
    start,
    async close() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
