import { describe, expect, it } from "vitest"
import { testWorker, useRedis } from "./queues.ts"
import { emptyDatabase, forgetKeys, startRedis, withRedis } from "./redis.ts"
import { startedWorker } from "./started-worker.ts"
import { endedJob, post, RECIPE, startJob, testFolder, testRunner, testServer } from "./test-server.ts"

/* Servers, workers and Redis that are killed. The workers are processes: `turbo run build` comes first. */

/** Machines are slow at times. A hung test is stopped by the CI's own limit. */
const PATIENT = { timeout: 600_000 }

/** Seconds after which the job of a killed worker is taken, and those of its successor, which should keep it. */
const [LOST_SOON, LOST_LATER] = [1, 10]

const slow = (seed: number): object => ({ ...RECIPE, prompt: "slow", seed })

const { redis } = useRedis()

describe("jobs over Redis", withRedis, () => {
  it("are done by another worker when theirs is killed", async () => {
    const url = redis().url()
    const server = await testServer({ redis: { url } })
    const first = await startedWorker(url, "first", LOST_SOON)
    const jobs = await Promise.all([1, 2, 3].map((seed) => startJob(server.url, slow(seed))))
    await first.event("taken")
    first.child.kill("SIGKILL")
    await first.ended
    await startedWorker(url, "second", LOST_LATER)
    for (const { id } of jobs) expect(await endedJob(server.url, id)).toMatchObject({ state: "done", error: null })
    const attempts = await Promise.all(jobs.map(async ({ id }) => (await endedJob(server.url, id)).attempts))
    expect(Math.max(...attempts)).toBe(2)
  })

  it("are given back by a worker that is stopped, which does not count as an attempt", async () => {
    const url = redis().url()
    const server = await testServer({ redis: { url } })
    const never = await testWorker(url, {
      runner: {
        checkCommand: async () => {},
        command: async () => [],
        dispose: async () => {},
        generate: ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      },
    })
    const { id } = await startJob(server.url)
    await expect
      .poll(async () => (await (await fetch(`${server.url}/v1/jobs/${id}`)).json()).state, PATIENT)
      .toBe("running")
    await never.close()
    expect(await (await fetch(`${server.url}/v1/jobs/${id}`)).json()).toMatchObject({ results: [], error: null })
    await testWorker(url)
    expect(await endedJob(server.url, id)).toMatchObject({ state: "done", attempts: 1 })
  })

  it("are parked with their error when they kill three workers, and others go on", async () => {
    const url = redis().url()
    const server = await testServer({ redis: { url } })
    const poison = await startJob(server.url, { ...RECIPE, prompt: "poison" })
    const others = await Promise.all([1, 2].map((seed) => startJob(server.url, { ...RECIPE, seed })))
    const ended = endedJob(server.url, poison.id)
    let killed = 0
    let isOver = false
    void ended.then(() => {
      isOver = true
    })
    while (!isOver && killed < 5) {
      const { ended: end } = await startedWorker(url, `worker ${killed}`, LOST_SOON)
      await Promise.race([end, ended])
      if (!isOver) killed += 1
    }
    expect(killed).toBe(3)
    expect(await ended).toMatchObject({ state: "failed", attempts: 3, error: { code: "interrupted" } })
    for (const { id } of others) expect((await endedJob(server.url, id)).state).toBe("done")
  })

  it("outlive their server, which takes the results when it starts again", async () => {
    const [url, folder] = [redis().url(), await testFolder()]
    const first = await testServer({ folder, redis: { url } })
    const jobs = await Promise.all([1, 2, 3, 4].map((seed) => startJob(first.url, slow(seed))))
    const worker = await startedWorker(url, "worker")
    await worker.event("taken")
    await first.close()
    await worker.event("ended")
    const server = await testServer({ folder, redis: { url } })
    for (const { id } of jobs) expect(await endedJob(server.url, id)).toMatchObject({ state: "done", attempts: 1 })
  })

  it("are cancelled though their worker was killed, and a job that waits is not taken after its cancelling", async () => {
    const url = redis().url()
    const server = await testServer({ redis: { url } })
    const worker = await startedWorker(url, "worker", LOST_SOON)
    const jobs = await Promise.all([1, 2, 3].map((seed) => startJob(server.url, { ...RECIPE, prompt: "stuck", seed })))
    await worker.event("taken")
    worker.child.kill("SIGKILL")
    await worker.ended
    for (const { id } of jobs) await post(`${server.url}/v1/jobs/${id}/cancel`, {})
    const second = await startedWorker(url, "second", LOST_LATER)
    for (const { id } of jobs) expect(await endedJob(server.url, id)).toMatchObject({ state: "cancelled", results: [] })
    const { id } = await startJob(server.url)
    await endedJob(server.url, id)
    expect(second.events.filter((event) => event.kind === "ended" && event.how === "done")).toMatchObject([{ job: id }])
  })

  it("of 100 requests at once are all done by two workers, each once", async () => {
    const url = redis().url()
    const server = await testServer({ redis: { url } })
    const workers = [await startedWorker(url, "one"), await startedWorker(url, "two")]
    const jobs = await Promise.all(Array.from({ length: 100 }, (_, seed) => startJob(server.url, { ...RECIPE, seed })))
    const ended = await Promise.all(jobs.map(({ id }) => endedJob(server.url, id)))
    expect(ended.map(({ state, attempts, error }) => `${state} ${attempts} ${JSON.stringify(error)}`)).toEqual(
      jobs.map(() => "done 1 null"),
    )
    expect(new Set(ended.flatMap(({ results }) => results.map(({ sha256 }) => sha256))).size).toBe(100)
    const taken = workers.map(({ events }) => events.filter(({ kind }) => kind === "taken").length)
    expect(taken[0]).toBeGreaterThan(0)
    expect(taken[1]).toBeGreaterThan(0)
    expect((taken[0] ?? 0) + (taken[1] ?? 0)).toBe(100)
  })
})

describe("a Redis that is killed", withRedis, () => {
  it("is found again by the server and its workers, and no job is lost", async () => {
    const own = await startRedis()
    try {
      const url = own.url()
      const server = await testServer({ redis: { url } })
      const worker = await startedWorker(url, "worker")
      const jobs = await Promise.all([1, 2, 3, 4].map((seed) => startJob(server.url, slow(seed))))
      await worker.event("taken")
      await own.kill()
      // Without Redis jobs are accepted, and wait.
      const late = await startJob(server.url, { ...RECIPE, seed: 5 })
      await expect
        .poll(async () => (await (await fetch(`${server.url}/health`)).json()).redis.isConnected, PATIENT)
        .toBe(false)
      await own.start()
      for (const { id } of [...jobs, late]) expect((await endedJob(server.url, id)).state).toBe("done")
    } finally {
      await own.close()
    }
  })

  it("may lose the files of a job that has ended: it is done again", async () => {
    const [url, folder] = [redis().url(), await testFolder()]
    const first = await testServer({ folder, redis: { url } })
    const { id } = await startJob(first.url)
    await first.close()
    let drawn = 0
    const runner = testRunner(async () => {
      drawn += 1
    })
    const options = { runner, limits: { stopSeconds: 60 } }
    const worker = await testWorker(url, options)
    await expect.poll(() => drawn, PATIENT).toBe(1)
    await worker.close()
    await forgetKeys(url, "lllite:result:*")
    await testWorker(url, options)
    const server = await testServer({ folder, redis: { url } })
    expect(await endedJob(server.url, id)).toMatchObject({ state: "done", error: null })
    expect(drawn).toBe(2)
  })

  it("may lose all that it had: the jobs are on the server's disk", async () => {
    const url = redis().url()
    const server = await testServer({ redis: { url } })
    const jobs = await Promise.all([1, 2, 3].map((seed) => startJob(server.url, { ...RECIPE, seed })))
    await emptyDatabase(url)
    await testWorker(url)
    for (const { id } of jobs) expect((await endedJob(server.url, id)).state).toBe("done")
  })
})
