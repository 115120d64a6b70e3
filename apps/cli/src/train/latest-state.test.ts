import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serializeSafetensors } from "@lllite/format/write"
import { trainStatePath } from "@lllite/runtime-node"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import type { Reporter } from "../terminal/progress.ts"
import { withLatestState } from "./latest-state.ts"
import { TRAIN_OPTIONS } from "./options/index.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-latest-"))
})
afterEach(() => rm(folder, { recursive: true }))

async function saved(name: string, step: number): Promise<void> {
  await mkdir(join(folder, name))
  const bytes = serializeSafetensors(
    new Map(),
    new Map([
      ["trains", "lllite"],
      ["step", String(step)],
    ]),
  )
  await writeFile(trainStatePath(join(folder, name)), bytes)
}

async function found(line: Readonly<Record<string, unknown>>): Promise<{
  readonly resume: string | undefined
  readonly force: boolean
  readonly notes: readonly string[]
}> {
  const notes: string[] = []
  const reporter = { say: (_: string, __: unknown, text: string) => void notes.push(text) } as unknown as Reporter
  const least = { pretrained_model_name_or_path: "tiny", output_dir: folder, save_state: true }
  const { resume, force } = (await withLatestState(readRecord(TRAIN_OPTIONS, { ...least, ...line }), reporter)).settings
  return { resume, force, notes }
}

describe("--resume latest", () => {
  it("is the state with the most steps, of a step, an epoch or the end", async () => {
    await saved("last-step00000900-state", 900)
    await saved("last-step00001000-state", 1000)
    await saved("last-000002-state", 1200)
    expect(await found({ resume: "latest" })).toEqual({
      ...{ resume: join(folder, "last-000002-state"), force: true, notes: [] },
    })
    await saved("last-state", 1500)
    expect((await found({ resume: "latest" })).resume).toBe(join(folder, "last-state"))
  })

  it("begins anew where the run has no state, and keeps files of others", async () => {
    await saved("last-other-step00000900-state", 900)
    await mkdir(join(folder, "last-step00000100-state"))
    const nothing = { resume: undefined, force: false, notes: [] }
    expect(await found({ resume: "latest" })).toEqual(nothing)
    expect(await found({ resume: "latest", output_dir: join(folder, "none") })).toEqual(nothing)
  })

  it("names a state that is broken, and what to do, and does not say to download it", async () => {
    await saved("last-state", 1500)
    await writeFile(trainStatePath(join(folder, "last-state")), "")
    const broken = found({ resume: "latest" })
    await expect(broken).rejects.toThrow(/last-state" is a broken file.*Continue from another one, or begin anew/)
    await expect(broken).rejects.not.toThrow(/[Dd]ownload/)
  })

  it("says that a run without save_state leaves nothing to continue from", async () => {
    const { notes } = await found({ resume: "latest", save_state: false })
    expect(notes).toEqual([expect.stringContaining("this run saves no state")])
  })

  it("leaves a given state as it is", async () => {
    await saved("last-state", 5)
    expect(await found({ resume: "./latest" })).toMatchObject({ resume: "./latest", force: false })
    expect(await found({})).toMatchObject({ resume: undefined, force: false })
  })
})
