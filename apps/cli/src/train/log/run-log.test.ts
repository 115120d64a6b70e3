import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createStepHistory } from "../step-history.ts"
import { readEvents } from "./read-events.test-help.ts"
import { openRunLog } from "./run-log.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-run-log-"))
})
afterEach(() => rm(folder, { recursive: true }))

const figures = { loss: 0.5, learningRate: 0.25, gradientNorm: 1, adaptedRate: null }
const more = { averageLoss: 0.5, seconds: null, memoryMiB: null, deviceMiB: null }
const now = (): Date => new Date(2026, 0, 1)

/** Logs a step of a run, after those of `history`. */
async function logStep(
  step: number,
  history: ReturnType<typeof createStepHistory>,
  partRates: Record<string, number> | null,
) {
  const settings = { dir: folder, prefix: "", trackerName: "run", options: null }
  const log = await openRunLog(settings, { perEpoch: 10, history, partRates }, now)
  history.add(figures)
  await log.step({ ...figures, ...more, step, epoch: 1 })
  await log.close()
  return log.folder
}
const linesOf = async (log: string, name: string): Promise<readonly string[]> =>
  (await readFile(join(log, name), "utf8")).trimEnd().split("\n")

describe("the rates of parts in a log", () => {
  it("stand in lines, columns and tags, beside the rate", async () => {
    const log = await logStep(1, createStepHistory(10), { conditioning1: 2, up: 0 })
    const [line = ""] = await linesOf(log, "steps.jsonl")
    expect(JSON.parse(line)).toMatchObject({
      ...{ learningRate: 0.25, conditionerRate: 0.5, downRate: 0.25, midRate: 0.25, upRate: 0 },
    })
    const [header = "", cells = ""] = await linesOf(log, "steps.csv")
    expect(header).toMatch(/,conditionerRate,downRate,midRate,upRate$/)
    expect(cells).toMatch(/,0\.5,0\.25,0\.25,0$/)
    const [name = ""] = await readdir(join(log, "run"))
    const events = readEvents(await readFile(join(log, "run", name)))
    const scalars = events.find((event) => "lr/up" in event.scalars)?.scalars
    expect(scalars).toMatchObject({ lr: 0.25, "lr/conditioner": 0.5, "lr/down": 0.25, "lr/up": 0 })
  })

  it("are left out without rates of parts, and have columns after a run that continues gets them", async () => {
    const history = createStepHistory(10)
    const log = await logStep(1, history, null)
    expect((await linesOf(log, "steps.csv"))[0]).not.toContain("upRate")
    expect(await linesOf(log, "steps.jsonl")).toHaveLength(1)
    expect(await logStep(2, history, { up: 2 })).toBe(log)
    const rows = (await linesOf(log, "steps.csv")).map((row) => row.split(","))
    expect(rows.map(({ length }) => length)).toEqual([14, 14, 14])
    expect(rows.map((row) => row.at(-1))).toEqual(["upRate", "", "0.5"])
  })
})
