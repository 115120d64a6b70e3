import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { drawnPairs, type Ended, trainedRun } from "./trained-run.test-help.ts"

/* Runs of the built command that keep encoded captions in files. `turbo run build` comes first. */

const data = drawnPairs("lllite-text-files-")
const trained = (name: string, more: readonly string[] = []): Promise<Ended> =>
  trainedRun(data(), join(data(), name), ["--max_train_steps", "3", "--caption_extension", ".txt", ...more])
const valuesOf = (name: string): Promise<Buffer> => readFile(join(data(), name, "last.safetensors"))
const noticesOf = ({ events }: Ended): readonly unknown[] =>
  events.filter(({ event }) => event === "notice").map(({ text }) => text)

const KEPT =
  "--cache_text_encoder_outputs_to_disk keeps the encoded caption beside each picture, in a file such as NAME_te_outputs.npz."

it("trains alike with captions in memory, in files that it makes, and in files that are there", async () => {
  for (const i of [1, 2, 3]) await writeFile(join(data(), "images", `${i}.txt`), `shape number ${i}`)
  expect(await trained("memory")).toMatchObject({ code: 0, stderr: "" })
  for (const name of ["made", "read"]) {
    const run = await trained(name, ["--cache_text_encoder_outputs_to_disk"])
    expect(run).toMatchObject({ code: 0, stderr: "" })
    expect(noticesOf(run)).toEqual([KEPT])
    expect((await valuesOf(name)).equals(await valuesOf("memory"))).toBe(true)
  }
  const files = (await readdir(join(data(), "images"))).filter((name) => name.endsWith(".npz"))
  expect(files).toEqual(["1_te_outputs.npz", "2_te_outputs.npz", "3_te_outputs.npz"])

  await writeFile(join(data(), "images", "2.txt"), "another shape")
  const changed = await trained("changed", ["--cache_text_encoder_outputs_to_disk"])
  expect(noticesOf(changed)).toEqual([
    KEPT,
    expect.stringMatching(/2_te_outputs\.npz" is made anew\. The reason: its caption is another\.$/),
  ])
  const shuffled = await trained("shuffled", ["--cache_text_encoder_outputs_to_disk", "--shuffle_caption"])
  expect(shuffled.code).toBe(1)
  expect(shuffled.stderr).toContain("cache_text_encoder_outputs_to_disk keeps one text of each caption")
})
