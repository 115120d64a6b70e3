import { rm } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { longOnly } from "../../../packages/format/test/needs.ts"
import { freeAddress, rankAt, TOKEN, withToken } from "./ranks.test-help.ts"
import { drawnPairs, filesOf, type Kill, trainedRun } from "./trained-run.test-help.ts"

/* Runs of the built commands `train` and `rank`. `turbo run build` comes first. */
const data = drawnPairs("lllite-ranks-")

/** @param keeps whether files of an earlier run stay */
async function trained(
  name: string,
  more: readonly string[],
  { kill, keeps = false }: { readonly kill?: Kill; readonly keeps?: boolean } = {},
): Promise<ReturnType<typeof trainedRun>> {
  if (!keeps) await rm(join(data(), name), { recursive: true, force: true })
  return withToken(() => trainedRun(data(), join(data(), name), ["--no_report", ...more], kill))
}

const known = new Map<string, ReadonlyMap<string, string>>()

/** The files of a run of one process. Each run is made once. */
async function alone(steps: number, more: readonly string[] = []): Promise<ReadonlyMap<string, string>> {
  const key = JSON.stringify([steps, more])
  const found = known.get(key)
  if (found !== undefined) return found
  const run = await trained("alone", ["--max_train_steps", String(steps), ...more])
  expect(run).toMatchObject({ code: 0, stderr: "" })
  const files = await filesOf(join(data(), "alone"))
  known.set(key, files)
  return files
}

/** Trains while a rank is killed at any moment after it has joined, and started again. @returns the number of kills */
async function killRanks(kills: number, steps: number): Promise<{ readonly kills: number; readonly runs: number }> {
  const files = await alone(steps)
  let [done, runs] = [0, 0]
  while (done < kills) {
    const address = await freeAddress()
    const training = trained("killed", ["--rank_address", address, "--max_train_steps", String(steps)])
    let isOver = false
    const over = training.then(() => {
      isOver = true
    })
    while (!isOver) {
      const rank = rankAt(address)
      await Promise.race([rank.until("joined"), over])
      await Promise.race([new Promise((resolve) => setTimeout(resolve, Math.random() * 1500)), over])
      if (!isOver) done += 1
      // One that has not joined in time would wait for a next run.
      rank.child.kill("SIGKILL")
      await rank.ended
    }
    const run = await training
    expect(run).toMatchObject({ code: 0, stderr: "" })
    expect(await filesOf(join(data(), "killed"))).toEqual(files)
    runs += 1
  }
  return { kills: done, runs }
}

/** The files with which a run ends. */
const ENDS = ["/last.safetensors", "/last-state/lllite-state.safetensors"]

/**
 * Trains in two processes while both are killed at any moment and started again, until enough were killed. The leading
 * process continues from its last state.
 *
 * @returns the kills of each, and the runs that ended
 */
async function killBoth(kills: number, steps: number): Promise<Readonly<Record<"leading" | "rank" | "runs", number>>> {
  const saving = ["--max_train_steps", String(steps), "--save_state", "--save_every_n_steps", "4"]
  const start = performance.now()
  expect(await trained("alone", saving)).toMatchObject({ code: 0, stderr: "" })
  const length = performance.now() - start
  const files = await filesOf(join(data(), "alone"))
  const killed = { leading: 0, rank: 0, runs: 0 }
  while (killed.leading + killed.rank < kills || killed.leading === 0) {
    const address = await freeAddress()
    let isOver = false
    const keepRank = async (over: Promise<void>): Promise<void> => {
      while (!isOver) {
        const rank = rankAt(address)
        await Promise.race([rank.until("joined"), over])
        await Promise.race([new Promise((resolve) => setTimeout(resolve, Math.random() * length)), over])
        if (!isOver) killed.rank += 1
        rank.child.kill("SIGKILL")
        await rank.ended
      }
    }
    const lead = async (): Promise<void> => {
      await rm(join(data(), "both"), { recursive: true, force: true })
      for (let code: number | null = null; code === null; ) {
        const kill = { after: Math.random() * 2 * length }
        const args = ["--rank_address", address, "--resume", "latest", ...saving]
        const run = await trained("both", args, { kill, keeps: true })
        if (run.code === null) killed.leading += 1
        else expect(run).toMatchObject({ code: 0, stderr: "" })
        code = run.code
      }
    }
    const over = lead().finally(() => {
      isOver = true
    })
    await Promise.all([over, keepRank(over)])
    const found = await filesOf(join(data(), "both"))
    for (const name of ENDS) expect([name, found.get(name)]).toEqual([name, files.get(name)])
    killed.runs += 1
  }
  return killed
}

describe("ranks of a training", () => {
  it("compute its steps, and the file has the bytes of a run of one process", { timeout: 600_000 }, async () => {
    const address = await freeAddress()
    const rank = rankAt(address)
    await rank.until("waiting")
    const run = await trained("far", ["--rank_address", address, "--max_train_steps", "8"])
    expect(run).toMatchObject({ code: 0, stderr: "" })
    expect(run.events.filter(({ event }) => event === "rank-joined")).toHaveLength(1)
    expect(await rank.ended).toBe(0)
    expect(rank.events.at(-1)).toMatchObject({ event: "done" })
    expect(rank.events.at(-1)?.parts).toBeGreaterThan(0)
    expect(await filesOf(join(data(), "far"))).toEqual(await alone(8))
  })

  it("are started on this machine by their number, and end with the run", { timeout: 600_000 }, async () => {
    // Four parts of a step, in two batches.
    const parts = ["--gradient_accumulation_steps", "2"]
    const files = await alone(3, parts)
    for (const ranks of longOnly.skip ? [4] : [2, 4]) {
      const run = await trained("local", [
        "--ranks",
        `${ranks}`,
        "--rank_wait",
        "600",
        "--max_train_steps",
        "3",
        ...parts,
      ])
      expect(run).toMatchObject({ code: 0, stderr: "" })
      expect(run.events.filter(({ event }) => event === "rank-joined")).toHaveLength(ranks - 1)
      expect(await filesOf(join(data(), "local"))).toEqual(files)
    }
  })

  it("are refused with another token, and the run needs one", { timeout: 600_000 }, async () => {
    const address = await freeAddress()
    const rank = rankAt(address, "another")
    await rank.until("waiting")
    const run = await trained("refused", ["--rank_address", address, "--max_train_steps", "4"])
    expect(run.code).toBe(0)
    expect(await rank.ended).toBe(1)
    const without = await trainedRun(data(), join(data(), "without"), ["--rank_address", address])
    expect(without.code).toBe(1)
    expect(without.stderr).toContain("LLLITE_RANKS_TOKEN")
    const unread = rankAt(address, TOKEN, ["--unet", join(data(), "none.safetensors")])
    expect(await unread.ended).toBe(1)
    // Both are said before anything is loaded.
    expect(unread.events).toEqual([])
    expect(without.events.filter(({ event }) => event === "load")).toEqual([])
  })

  it("are waited for by the first step", { timeout: 600_000 }, async () => {
    const run = await trained("waited", ["--ranks", "2", "--rank_wait", "300", "--max_train_steps", "1"])
    expect(run).toMatchObject({ code: 0, stderr: "" })
    const names = run.events.map(({ event, phase }) => phase ?? event)
    expect(names.indexOf("ranks-wait")).toBeLessThan(names.indexOf("rank-joined"))
    expect(names.indexOf("rank-joined")).toBeLessThan(names.indexOf("train"))
    const address = await freeAddress()
    const none = ["--ranks", "2", "--rank_address", address, "--rank_wait", "1", "--max_train_steps", "1"]
    const lonely = await trained("lonely", none)
    expect(lonely).toMatchObject({ code: 0, stderr: "" })
    expect(lonely.events).toContainEqual(
      expect.objectContaining({ text: expect.stringContaining("0 of 1 ranks have joined in 1 s.") }),
    )
  })

  it("wait for a training that was stopped, and help the one that continues it", { timeout: 600_000 }, async () => {
    const address = await freeAddress()
    const rank = rankAt(address)
    const place = ["--rank_address", address, "--ranks", "2", "--rank_wait", "300", "--save_state"]
    const kill = { after: 0, step: 3, signal: "SIGTERM" } as const
    const first = await trained("stopped", [...place, "--max_train_steps", "100000"], { kill })
    expect(first.code).toBe(143)
    await rank.until("parted")
    expect(rank.events.at(-1)?.reason).toContain("stopped, and may be continued")
    const made = Number(/stopped after (\d+) of/.exec(first.stderr)?.[1])
    const rest = [...place, "--resume", "latest", "--max_train_steps", String(made + 4)]
    const second = await trained("stopped", rest, { keeps: true })
    expect(second).toMatchObject({ code: 0, stderr: "" })
    expect(second.events).toContainEqual(expect.objectContaining({ event: "resume", step: made }))
    expect(await rank.ended).toBe(0)
    expect(rank.events.filter(({ event }) => event === "joined")).toHaveLength(2)
    const whole = (await alone(made + 4)).get("/last.safetensors")
    expect((await filesOf(join(data(), "stopped"))).get("/last.safetensors")).toBe(whole)
    // The same command finds the run done.
    const third = await trained("stopped", [...rest, "--rank_wait", "0"], { keeps: true })
    expect(third).toMatchObject({ code: 0, stderr: "" })
    expect((await filesOf(join(data(), "stopped"))).get("/last.safetensors")).toBe(whole)
  })

  it("end with an exit code that asks for another try, where nothing answers", async () => {
    const rank = rankAt(await freeAddress(), TOKEN, ["--patience", "0"])
    expect(await rank.ended).toBe(75)
    expect(await rankAt("nowhere").ended).toBe(1)
  })

  it("may be killed and come back, without another result", { timeout: 600_000 }, async () => {
    expect((await killRanks(2, 8)).kills).toBeGreaterThanOrEqual(2)
  })

  it("may be killed, and so may the process that leads them, without another result", {
    ...longOnly,
    timeout: 900_000,
  }, async () => {
    expect((await killBoth(2, 12)).leading).toBeGreaterThanOrEqual(1)
  })

  it("and the process that leads them may be killed 100 times", { ...longOnly, timeout: 6 * 3_600_000 }, async () => {
    const { leading, rank, runs } = await killBoth(100, 24)
    console.log(`killed: ${leading} leading processes and ${rank} ranks, in ${runs} runs`)
    expect(leading + rank).toBeGreaterThanOrEqual(100)
  })

  it("may be killed 100 times", { ...longOnly, timeout: 6 * 3_600_000 }, async () => {
    const found = await killRanks(100, 24)
    console.log(`killed: ${JSON.stringify(found)}`)
    expect(found.kills).toBeGreaterThanOrEqual(100)
  })
})
