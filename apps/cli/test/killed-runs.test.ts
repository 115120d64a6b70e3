import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { longOnly } from "../../../packages/format/test/needs.ts"
import { drawnPairs, type Ended, filesOf, type Kill, loggedSteps, trainedRun } from "./trained-run.test-help.ts"

/* Runs of the built command that are killed again and again. `turbo run build` comes first. */
const data = drawnPairs("lllite-killed-")

/** Folders in which runs are killed at the same time. Each spends most of its time on starting. */
const LANES = 4
const STEPS = 6
const trained = (name: string, more: readonly string[] = [], kill?: Kill): Promise<Ended> => {
  const watched = ["--logging_dir", join(data(), `${name}-logs`), "--no_report"]
  const saved = ["--max_train_steps", String(STEPS), "--save_every_n_steps", "1", "--save_state"]
  // Noise that could begin anew, and one row, since the rest of a step is not what is tested.
  const drawn = ["--train_batch_size", "1", "--noise_offset", "0.1", "--flip_aug"]
  return trainedRun(data(), join(data(), name), [...watched, ...saved, ...drawn, ...more], kill)
}

/** The newest state of a run: its step and its folder. Null: nothing is saved. */
async function newestState(name: string): Promise<{ readonly step: number; readonly folder: string } | null> {
  const states = (await readdir(join(data(), name)).catch(() => [])).filter((each) => each.endsWith("-state")).sort()
  const last = states.includes("last-state") ? "last-state" : states.at(-1)
  if (last === undefined) return null
  return { step: last === "last-state" ? STEPS : Number(/\d+/.exec(last)), folder: join(data(), name, last) }
}

/** How long a run and its longest save took, in milliseconds. */
interface Pace {
  readonly run: number
  readonly save: number
}

function paceOf({ events, times }: Ended): Pace {
  const saves = events.flatMap(({ event }, index) => {
    const step = events.slice(0, index).findLastIndex(({ phase }) => phase === "train")
    return event === "file" ? [(times[index] ?? 0) - (times[step] ?? 0)] : []
  })
  return { run: times.at(-1) ?? 0, save: Math.max(...saves) }
}

/**
 * A moment at any time of a run, or while the run saves one of its next steps. Every other run that has one step left is
 * not killed, so that runs end.
 */
function anyMoment({ run, save }: Pace, saved: number): Kill | undefined {
  if (saved >= STEPS - 1 && Math.random() < 0.5) return
  if (saved === STEPS || Math.random() < 0.5) return { after: Math.random() * run }
  return { after: Math.random() * save, step: saved + 1 + Math.floor(Math.random() * (STEPS - saved)) }
}

/** What a killed run was doing, by what it had said last. */
function momentOf({ events }: Ended): "start" | "state" | "file" | "step" {
  const { event, phase } = events.at(-1) ?? {}
  if (event === "progress" && phase === "train") return "state"
  if (event === "state") return "file"
  return event === "file" ? "step" : "start"
}

interface Killed {
  readonly kills: number
  readonly lanes: number
  /** Chooses the next moment for a run with this many saved steps. Undefined: it is not killed. */
  readonly moment: (pace: Pace, saved: number, kills: number) => Kill | undefined
}

/** Kills and continues runs. Each that ends is compared with the whole one. @returns how often each moment was hit */
async function killRuns({
  kills: most,
  lanes,
  moment,
}: Killed): Promise<Readonly<Record<ReturnType<typeof momentOf>, number>>> {
  const whole = await trained("whole")
  expect(whole).toMatchObject({ code: 0, stderr: "" })
  const pace = paceOf(whole)
  const [files, log] = [await filesOf(join(data(), "whole")), await loggedSteps(join(data(), "whole-logs"))]
  expect(log).toHaveLength(STEPS)
  const kills = { start: 0, state: 0, file: 0, step: 0 }
  const found = { kills: 0, ended: 0, torn: 0 }
  /** Kills and continues a run until it ends. Gives its files. */
  const killUntilEnd = async (name: string): Promise<ReadonlyMap<string, string>> => {
    for (;;) {
      const state = await newestState(name)
      const kill = found.kills < most ? moment(pace, state?.step ?? 0, found.kills) : undefined
      const run = await trained(name, state === null ? [] : ["--resume", state.folder], kill)
      if (run.code === 0) return filesOf(join(data(), name))
      // Every end but a kill is a fault.
      expect([run.code, run.stderr]).toEqual([null, ""])
      found.kills += 1
      kills[momentOf(run)] += 1
      const left: readonly string[] = await readdir(join(data(), name), { recursive: true }).catch(() => [])
      if (left.some((path) => path.includes("-tmp"))) found.torn += 1
      // Killed after its last file, the run is whole. A temporary file may stay, until something is written there.
      if (left.includes("last.safetensors")) {
        const all = await filesOf(join(data(), name))
        return new Map([...all].filter(([path]) => !path.includes("-tmp")))
      }
    }
  }
  const lane = async (_: unknown, number: number): Promise<void> => {
    const name = `killed-${number}`
    while (found.kills < most) {
      for (const folder of [name, `${name}-logs`]) await rm(join(data(), folder), { recursive: true, force: true })
      expect(await killUntilEnd(name)).toEqual(files)
      expect(await loggedSteps(join(data(), `${name}-logs`))).toEqual(log)
      found.ended += 1
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  console.log(`killed: ${JSON.stringify({ ...found, ...kills })}`)
  return kills
}

describe("a run that is killed", () => {
  it("ends with the bytes and the log of a run that never stopped, after three kills", {
    timeout: 600_000,
  }, async () => {
    // While it starts, and twice while it saves: the states come one by one, so each process has a later one.
    const moment: Killed["moment"] = ({ save }, saved, kills) =>
      kills === 0 ? { after: 200 } : { after: Math.random() * save, step: Math.min(STEPS, saved + kills) }
    await killRuns({ kills: 3, lanes: 1, moment })
  })

  it("ends so after 500 kills at any moment", { ...longOnly, timeout: 6 * 3_600_000 }, async () => {
    for (const name of await readdir(data())) {
      if (/^(whole|killed)/.test(name)) await rm(join(data(), name), { recursive: true })
    }
    const kills = await killRuns({ kills: 500, lanes: LANES, moment: anyMoment })
    for (const moment of ["start", "state", "file", "step"] as const) expect(kills[moment]).toBeGreaterThan(0)
  })
})
