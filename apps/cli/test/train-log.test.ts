import { readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { readEvents } from "../src/train/log/read-events.test-help.ts"
import { drawnPairs, type Ended, trainedRun } from "./trained-run.test-help.ts"

/* Logs of runs of the built command. `turbo run build` comes first. */

const data = drawnPairs("lllite-log-")
const out = (name: string): string => join(data(), name)
// An optimiser with a step size that it finds.
const options = ["--optimizer_type", "prodigy", "--learning_rate", "1", "--save_every_n_steps", "2", "--save_state"]
const trained = (name: string, more: readonly string[]): Promise<Ended> =>
  trainedRun(data(), out(name), [...options, "--max_train_steps", "6", ...more])

/** The folder of the only log in a folder. */
async function onlyLog(folder: string): Promise<string> {
  const names = await readdir(folder)
  expect(names).toHaveLength(1)
  return join(folder, names[0] ?? "")
}

/** What a run follows from, of each line. Times and memory differ from run to run. */
const FOLLOWS = ["step", "epoch", "loss", "averageLoss", "learningRate", "adaptedRate", "gradientNorm"]

async function linesOf(log: string): Promise<readonly string[]> {
  const text = await readFile(join(log, "steps.jsonl"), "utf8")
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.stringify(JSON.parse(line), FOLLOWS))
}

async function cellsOf(log: string): Promise<readonly string[]> {
  const text = await readFile(join(log, "steps.csv"), "utf8")
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(",").slice(0, FOLLOWS.length).join())
}

/** The scalars of every step as TensorBoard sees them: a start of a session forgets the steps from there on. */
async function scalarsOf(log: string): Promise<readonly unknown[]> {
  const folder = join(log, "lllite_control_net_train")
  let kept: { readonly step: number; readonly scalars: Readonly<Record<string, number>> }[] = []
  for (const name of (await readdir(folder)).sort()) {
    for (const { step, startsSession, scalars } of readEvents(await readFile(join(folder, name)))) {
      if (startsSession) kept = kept.filter((event) => event.step < step)
      kept.push({ step, scalars })
    }
  }
  const tags = ["loss/current", "loss/average", "lr", "lr/d*lr", "norm/gradient"]
  return kept
    .filter(({ scalars }) => "loss/current" in scalars)
    .map(({ step, scalars }) => [step, ...tags.map((tag) => scalars[tag])])
}

describe("the log of a run", () => {
  it("has every step, and goes on where a run continues as if it had never stopped", async () => {
    const whole = await trained("whole", ["--logging_dir", out("whole-logs")])
    expect(whole).toMatchObject({ code: 0, stderr: "" })
    const log = await onlyLog(out("whole-logs"))
    const lines = await linesOf(log)
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      whole.events
        .filter(({ phase }) => phase === "train")
        .map(({ done, loss, learningRate }) => expect.objectContaining({ step: done, loss, learningRate })),
    )
    expect(lines).toHaveLength(6)
    expect((await cellsOf(log))[0]).toBe(FOLLOWS.join())
    expect(await cellsOf(log)).toHaveLength(7)
    const scalars = await scalarsOf(log)
    expect(scalars).toHaveLength(6)
    expect(JSON.stringify(scalars)).not.toContain("null")

    expect(await trained("parts", ["--max_train_steps", "5", "--logging_dir", out("logs")])).toMatchObject({ code: 0 })
    const state = ["--resume", join(out("parts"), "last-step00000002-state"), "--force"]
    // Of a run that was killed, the last line may be cut.
    await rm(join(out("parts"), "last-state"), { recursive: true })
    expect(await trained("parts", [...state, "--logging_dir", out("logs")])).toMatchObject({ code: 0, stderr: "" })
    const continued = await onlyLog(out("logs"))
    expect(await linesOf(continued)).toEqual(lines)
    expect(await cellsOf(continued)).toEqual(await cellsOf(log))
    expect(await scalarsOf(continued)).toEqual(scalars)

    // A log elsewhere has the steps before, too.
    expect(await trained("parts", [...state, "--logging_dir", out("elsewhere")])).toMatchObject({ code: 0, stderr: "" })
    const other = await onlyLog(out("elsewhere"))
    expect(await linesOf(other)).toEqual(lines)
    expect(await scalarsOf(other)).toEqual(scalars)
  }, 120_000)

  it("has another folder for a run with other losses", async () => {
    const first = ["--max_train_steps", "2", "--logging_dir", out("two"), "--log_prefix", "a-", "--log_config"]
    expect(await trained("two-a", first)).toMatchObject({ code: 0, stderr: "" })
    const other = ["--max_train_steps", "2", "--logging_dir", out("two"), "--log_prefix", "a-", "--seed", "1"]
    expect(await trained("two-b", other)).toMatchObject({ code: 0, stderr: "" })
    const state = ["--resume", join(out("two-a"), "last-state"), "--max_train_steps", "3"]
    expect(await trained("two-c", [...state, ...first.slice(2)])).toMatchObject({ code: 0, stderr: "" })
    const logs = (await readdir(out("two"))).sort()
    expect(logs).toHaveLength(2)
    expect(logs.every((name) => /^a-\d{14}(-\d)?$/.test(name))).toBe(true)
    expect(await linesOf(join(out("two"), logs[0] ?? ""))).toHaveLength(3)
    expect(await linesOf(join(out("two"), logs[1] ?? ""))).toHaveLength(2)
  }, 120_000)

  it("is refused before the training where it cannot be written", async () => {
    const inFile = await trained("none", ["--logging_dir", join(data(), "images", "1.png")])
    expect(inFile.code).not.toBe(0)
    expect(inFile.stderr).toContain("it is a file, expected a folder")
    const wandb = await trained("none", ["--log_with", "wandb", "--log_prefix", "a/b"])
    expect(wandb.stderr).toContain('log_with is "wandb", expected "tensorboard" or "all": nothing is sent to W&B')
    expect(wandb.stderr).toContain('log_prefix is "a/b", expected a name without folders')
  }, 60_000)
})
