import { spawnSync } from "node:child_process"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { longOnly, needs, needsAll } from "../../../../packages/format/test/needs.ts"
import { drawnPairs } from "../trained-run.test-help.ts"
import {
  aloneBytes,
  computedParts,
  DEPLOY,
  findTool,
  freePort,
  llliteBytes,
  runFile,
  type Started,
  start,
  until,
  withLllite,
} from "./launched-run.test-help.ts"

/* A real Ray of one node, from PyPI, with its server of jobs. */

const ray = findTool("ray")
const onRay = needsAll(longOnly, needs("ray[default] of PyPI in the Python of LLLITE_PYTHON", ray !== null))

describe("Ray", onRay, () => {
  const data = drawnPairs("lllite-ray-")
  let env: NodeJS.ProcessEnv = {}
  let session = ""
  let address = ""
  let node: Started | null = null

  beforeAll(async () => {
    // Sockets below it have a longest path.
    session = await mkdtemp(join(tmpdir(), "ray-"))
    const [port, dashboard] = [await freePort(), await freePort()]
    address = `http://127.0.0.1:${dashboard}`
    const own = await withLllite(data())
    env = { ...own, PATH: `${dirname(ray ?? "")}:${own.PATH}`, RAY_USAGE_STATS_ENABLED: "0", RAY_ADDRESS: address }
    const memory = ["--num-cpus=2", "--object-store-memory=100000000", `--temp-dir=${session}`]
    const places = [`--port=${port}`, "--node-ip-address=127.0.0.1", `--dashboard-port=${dashboard}`]
    const head = ["start", "--head", "--block", "--include-dashboard=true", "--disable-usage-stats"]
    // With the address of a server of jobs, a node would look for a cluster there.
    const { RAY_ADDRESS: _, ...bare } = env
    node = start(ray ?? "", [...head, ...places, ...memory], bare)
    await until(async () => {
      if (node?.child.exitCode !== null) throw new Error(node?.text())
      return fetch(`${address}/api/jobs/`).then(
        ({ ok }) => ok,
        () => false,
      )
    })
  }, 300_000)

  afterAll(async () => {
    node?.child.kill("SIGTERM")
    await node?.ended
    await rm(session, { recursive: true, force: true })
  })

  const submit = (config: string, more: readonly string[] = []): Started => {
    const job = ["job", "submit", "--working-dir", join(DEPLOY, "ray"), ...more]
    return start(ray ?? "", [...job, "--", "python", "train.py", "--ranks", "2", "--config_file", config], env)
  }

  it("runs two actors whose LLLite has the bytes of one process", { timeout: 900_000 }, async () => {
    const out = join(data(), "actors")
    const job = submit(await runFile(data(), out))
    expect(await job.ended, job.text()).toBe(0)
    expect(computedParts(job.text())).toEqual([expect.toSatisfy((parts: number) => parts > 0)])
    expect((await llliteBytes(out)).equals(await aloneBytes(data(), env))).toBe(true)
  })

  it("fails when the training fails", { timeout: 900_000 }, async () => {
    const job = submit(await runFile(data(), join(data(), "wrong"), { resolution: "65" }))
    expect(await job.ended).toBe(1)
    expect(job.text()).toContain("resolution is 65")
  })

  it("saves the state when the job is stopped", { timeout: 900_000 }, async () => {
    const out = join(data(), "stopped")
    const config = await runFile(data(), out, { max_train_steps: 100_000 })
    const job = submit(config, ["--submission-id", "to-be-stopped"])
    await until(() => {
      expect(job.child.exitCode, job.text()).toBeNull()
      return job.text().includes('"phase":"train","done":3')
    })
    const stop = spawnSync(ray ?? "", ["job", "stop", "to-be-stopped"], { env, encoding: "utf8" })
    expect(stop.status, stop.stderr).toBe(0)
    await job.ended
    const names = await readdir(out)
    expect(names).toContainEqual(expect.stringMatching(/^last-step\d{8}-state$/))
  })
})
