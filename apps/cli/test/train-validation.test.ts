import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { drawnPairs, type Ended, filesOf, trainedRun } from "./trained-run.test-help.ts"

/* Runs of the built command that hold pairs out. `turbo run build` comes first. */

const data = drawnPairs("lllite-validated-")
const out = (name: string): string => join(data(), name)
const trained = (name: string, more: readonly string[]): Promise<Ended> =>
  trainedRun(data(), out(name), ["--max_train_steps", "4", "--learning_rate", "0.01", ...more])

const measured = ({ events }: Ended): readonly Readonly<Record<string, unknown>>[] =>
  events.filter(({ event }) => event === "validation")

describe("a run that holds pairs out", () => {
  const split = ["--validation_split", "0.34", "--save_every_n_steps", "2", "--save_state"]

  it("measures the same after each state, and trains the same bytes whether it measures or not", async () => {
    const rarely = await trained("rarely", [...split, "--validate_every_n_steps", "100", "--validation_pictures", "0"])
    expect(rarely).toMatchObject({ code: 0, stderr: "" })
    const often = await trained("often", [...split, "--validate_every_n_steps", "1", "--logging_dir", out("logs")])
    expect(often).toMatchObject({ code: 0, stderr: "" })
    expect(often.events.find(({ event }) => event === "plan")).toMatchObject({ pictures: 2 })
    expect(measured(often).map(({ step }) => step)).toEqual([1, 2, 3, 4])
    expect(measured(rarely).map(({ step }) => step)).toEqual([4])
    const [last] = measured(often).slice(-1)
    // The measurements before left no trace.
    expect(measured(rarely)[0]).toEqual({ ...last, follow: null })
    expect(last).toMatchObject({ follow: { with: expect.any(Number), without: expect.any(Number) } })
    expect(Object.keys((last?.lossAt ?? {}) as object)).toEqual(["200", "400", "600", "800"])
    expect(last?.loss).not.toBe(last?.lossWithout)
    expect(await filesOf(out("often"))).toEqual(await filesOf(out("rarely")))

    // A run that continues goes on in the file of its log.
    const state = join(out("often"), "last-step00000002-state")
    const more = ["--validate_every_n_steps", "1", "--logging_dir", out("logs"), "--resume", state, "--force"]
    const continued = await trained("often", [...split, ...more])
    expect(continued).toMatchObject({ code: 0, stderr: "" })
    expect(measured(continued)).toEqual(measured(often).slice(2))
    const [log = ""] = await readdir(out("logs"))
    const lines = (await readFile(join(out("logs"), log, "validation.jsonl"), "utf8")).trimEnd().split("\n")
    expect(lines.map((line) => JSON.parse(line)).map(({ step, loss }) => [step, loss])).toEqual(
      measured(often).map(({ step, loss }) => [step, loss]),
    )
  }, 180_000)

  it("is refused for a share of less than one pair, and says what has no effect", async () => {
    const refused = await trained("refused", ["--validation_split", "0.2"])
    expect(refused.stderr).toContain("validation_split is 0.2, which is less than one of 3 pairs")
    const unused = await trained("unused", ["--max_train_steps", "1", "--validate_every_n_steps", "1"])
    expect(unused.events.map(({ text }) => text).join()).toContain(
      "validate_every_n_steps has no effect without --validation_split",
    )
  }, 60_000)
})
