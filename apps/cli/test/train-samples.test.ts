import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { readPngText } from "@lllite/runtime-node"
import { describe, expect, it } from "vitest"
import { readEvents } from "../src/train/log/read-events.test-help.ts"
import { drawnPairs, type Ended, filesOf, trainedRun } from "./trained-run.test-help.ts"

/* Pictures that runs of the built command draw of themselves. `turbo run build` comes first. */

const data = drawnPairs("lllite-sampled-")
const out = (name: string): string => join(data(), name)
const trained = (name: string, more: readonly string[]): Promise<Ended> =>
  trainedRun(data(), out(name), ["--max_train_steps", "5", "--learning_rate", "0.05", ...more])

describe("a run that draws samples", () => {
  it("trains the same bytes, and draws each time with the LLLite and once without it", async () => {
    const saves = ["--save_every_n_steps", "3", "--save_state"]
    expect(await trained("plain", saves)).toMatchObject({ code: 0, stderr: "" })
    const prompts = out("prompts.txt")
    const control = join(data(), "controls", "2.png")
    await writeFile(
      prompts,
      `a star --w 96 --h 64 --s 2 --l 1 --d 7 --cn ${control}\na sun --s 2 --n dark --cn ${control}\n`,
    )
    const sampling = ["--sample_every_n_steps", "2", "--sample_at_first", "--sample_prompts", prompts]
    const logs = ["--sample_sampler", "euler", "--logging_dir", out("logs")]
    const sampled = await trained("sampled", [...saves, ...sampling, ...logs])
    expect(sampled).toMatchObject({ code: 0, stderr: "" })

    const names = (await readdir(join(out("sampled"), "sample"))).sort()
    const shown = names.map((name) => name.replace(/_\d{14}/, "_TIME"))
    const time = (text: string): readonly string[] => [
      ...[`last_${text}_00_TIME_7.png`, `last_${text}_01_TIME.png`, `last_${text}_sheet_TIME.png`],
      // Pictures of another size have a sheet of their own.
      `last_${text}_sheet_TIME-2.png`,
    ]
    const wanted = ["000000", "000002", "000004", "000005"].flatMap(time)
    expect(shown.toSorted()).toEqual([...wanted, "last_without_00_TIME_7.png", "last_without_01_TIME.png"].toSorted())
    const pictureOf = (start: string): Promise<Buffer> =>
      readFile(join(out("sampled"), "sample", names.find((name) => name.startsWith(start)) ?? "none"))
    // A new LLLite adds nothing. After some steps it does.
    const pixels = async (start: string): Promise<string> =>
      (await pictureOf(start)).subarray(-400, -12).toString("hex")
    expect(await pixels("last_000000_00")).toBe(await pixels("last_without_00"))
    expect(await pixels("last_000004_00")).not.toBe(await pixels("last_without_00"))
    const [name = ""] = names.filter((name) => name.startsWith("last_000004_00"))
    const text = [...(await readPngText(join(out("sampled"), "sample", name))).values()].join()
    expect(text).toContain("last-step00000004.safetensors")
    expect(text).toContain("2.png")

    const [log = ""] = await readdir(out("logs"))
    const folder = join(out("logs"), log, "lllite_control_net_train")
    const [events = ""] = await readdir(folder)
    const pictures = readEvents(await readFile(join(folder, events))).filter((event) => "sample/01" in event.pictures)
    expect(pictures.map(({ step }) => step)).toEqual([0, 2, 4, 5])

    await rm(join(out("sampled"), "sample"), { recursive: true })
    expect(await filesOf(out("sampled"))).toEqual(await filesOf(out("plain")))
  }, 180_000)

  it("draws pairs of the data set by epochs, and goes on where a picture cannot be written", async () => {
    // The folder of samples is a file.
    await trained("blocked", ["--max_train_steps", "1"])
    await writeFile(join(out("blocked"), "sample"), "")
    const epochs = ["--max_train_epochs", "1", "--sample_every_n_epochs", "1", "--force"]
    const blocked = await trained("blocked", epochs)
    expect(blocked.code).toBe(0)
    expect(blocked.events.map(({ text }) => text).join("\n")).toMatch(/the samples of step 2 are missing: .*goes on\./)
    const pairs = await trained("pairs", ["--max_train_epochs", "2", "--sample_every_n_epochs", "1"])
    expect(pairs).toMatchObject({ code: 0, stderr: "" })
    const names = (await readdir(join(out("pairs"), "sample"))).sort()
    expect(names.map((name) => name.replace(/_\d{14}/, ""))).toEqual([
      ...["last_e000001_00.png", "last_e000001_01.png", "last_e000001_02.png", "last_e000001_sheet.png"],
      ...["last_e000002_00.png", "last_e000002_01.png", "last_e000002_02.png", "last_e000002_sheet.png"],
      ...["last_without_00.png", "last_without_01.png", "last_without_02.png"],
    ])
  }, 180_000)

  it("is refused before the training for a file of prompts that cannot be followed", async () => {
    const prompts = out("wrong.txt")
    await writeFile(prompts, "a star --w wide\nb --cn nothing.png\n")
    const refused = await trained("refused", ["--sample_every_n_steps", "2", "--sample_prompts", prompts])
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('--w is "wide", expected pixels')
    expect(refused.stderr).toContain("line 1: there is no control picture")
    await writeFile(prompts, "b --cn nothing.png\n")
    const missing = await trained("refused", ["--sample_every_n_steps", "2", "--sample_prompts", prompts])
    expect(missing.stderr).toContain("nothing.png")
  }, 60_000)
})
