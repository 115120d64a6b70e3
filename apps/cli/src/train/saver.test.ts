import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { beginTraining, type TrainState } from "@lllite/core/training"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createReporter } from "../terminal/progress.ts"
import type { SaveEvery } from "./save-rhythm.ts"
import { createSaver, type RunSaver } from "./saver.ts"

let out = ""
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), "lllite-saver-"))
})
afterEach(() => rm(out, { recursive: true }))

const model = createLllite(enumerateSites(SDXL_LAYOUT).slice(0, 1), { condDim: 2, mlpDim: 2 }, createStream(1, "init"))
const after = (step: number): TrainState => ({ ...beginTraining(model), step })

function saverOf(
  more: {
    readonly resume?: string
    readonly outputName?: string
    readonly saveLastNSteps?: number
    readonly saveEvery?: SaveEvery
  } = {},
): RunSaver {
  const unset = { saveLastNSteps: undefined, saveLastNEpochs: undefined, saveLastNStepsState: undefined }
  return createSaver(
    {
      ...{ ...unset, saveLastNEpochsState: undefined, outputDir: out, outputName: "last", resume: undefined },
      ...{ saveEvery: { steps: 2 }, saveState: true, saveStateOnTrainEnd: false, ...more },
    },
    { steps: 100, perEpoch: 3 },
    { dtype: "F32", force: true },
    { facts: new Map(), history: { saved: () => new Map() } },
    createReporter({ write: () => {} }),
  )
}
const saved = async (): Promise<readonly string[]> => (await readdir(out)).sort()

describe("a saver whose disk fails", () => {
  it("saves the LLLite without its state, and says so", async () => {
    // A file stands where the folder of the state would be.
    await writeFile(join(out, "last-state"), "")
    await writeFile(join(out, "last-step00000003-state"), "")
    await writeFile(join(out, "last-step00000002-state"), "")
    const saver = saverOf()
    const only = /cannot write .*-state.* The LLLite is saved as ".*\.safetensors", and the state is not\.$/
    await expect(saver.periodic(after(2))).rejects.toThrow(only)
    await expect(saver.stopped(after(3))).rejects.toThrow(only)
    await expect(saver.final(after(4))).rejects.toThrow(only)
    expect((await saved()).filter((name) => name.endsWith(".safetensors"))).toEqual([
      ...["last-step00000002.safetensors", "last-step00000003.safetensors", "last.safetensors"],
    ])
    expect(saver.lastState()).toBeNull()
  })

  it("saves the state without its LLLite, and keeps what was saved before", async () => {
    const saver = saverOf({ saveLastNSteps: 1 })
    await saver.periodic(after(2))
    await mkdir(join(out, "last-step00000004.safetensors"))
    await expect(saver.periodic(after(4))).rejects.toThrow(/last-step00000004\.safetensors/)
    expect(await saved()).toEqual([
      ...["last-step00000002-state", "last-step00000002.safetensors"],
      ...["last-step00000004-state", "last-step00000004.safetensors"],
    ])
    expect(saver.lastState()).toBe(join(out, "last-step00000004-state"))
    await saver.periodic(after(6))
    // What the run has saved goes away in its time. The folder of another program stays.
    expect(await saved()).toEqual([
      ...["last-step00000004.safetensors", "last-step00000006-state", "last-step00000006.safetensors"],
    ])
  })

  it("knows the state that a run continues from until it has one of its own", async () => {
    const saver = saverOf({ resume: "before-state" })
    expect(saver.lastState()).toBe("before-state")
    await saver.periodic(after(2))
    expect(saver.lastState()).toBe(join(out, "last-step00000002-state"))
  })
})

it("saves by steps and by epochs side by side, each with names and a number of last files of its own", async () => {
  const saver = saverOf({ saveEvery: { steps: 2, epochs: 1 }, saveLastNSteps: 1 })
  expect(saver.every).toEqual([2, 3])
  for (const step of [1, 2, 3, 4, 6]) await saver.periodic(after(step))
  expect((await saved()).filter((name) => name.endsWith(".safetensors"))).toEqual([
    ...["last-000001.safetensors", "last-000002.safetensors", "last-step00000006.safetensors"],
  ])
})

it("removes what it saved before it was stopped, and files of other runs stay", async () => {
  const keeping = { saveLastNSteps: 2 }
  const before = saverOf(keeping)
  for (const step of [2, 4, 6]) await before.periodic(after(step))
  const names = (await saved()).filter((name) => name.endsWith(".safetensors"))
  expect(names).toEqual(["last-step00000004.safetensors", "last-step00000006.safetensors"])
  await writeFile(join(out, "last-step00000003.safetensors"), "")
  await writeFile(join(out, "last-extra-step00000002.safetensors"), "")
  const others = ["last-extra-step00000002.safetensors", "last-step00000003.safetensors"]
  const resume = join(out, "last-step00000006-state")
  const next = saverOf({ ...keeping, resume })
  await next.continued(after(6))
  for (const step of [8, 10]) await next.periodic(after(step))
  expect(await saved()).toEqual([
    ...others,
    ...["last-step00000008-state", "last-step00000008.safetensors"],
    ...["last-step00000010-state", "last-step00000010.safetensors"],
  ])
})

it("leaves the files of a run alone that it continues under another name", async () => {
  const before = saverOf()
  for (const step of [2, 4]) await before.periodic(after(step))
  const there = await saved()
  await writeFile(join(out, "next-step00000002.safetensors"), "")
  const resume = join(out, "last-step00000004-state")
  const next = saverOf({ resume, outputName: "next", saveLastNSteps: 1 })
  await next.continued(after(4))
  await next.periodic(after(6))
  expect(await saved()).toEqual([
    ...there,
    ...["next-step00000002.safetensors", "next-step00000004.safetensors"],
    ...["next-step00000006-state", "next-step00000006.safetensors"],
  ])
})
