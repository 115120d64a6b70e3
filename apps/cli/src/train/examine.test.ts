import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { createReporter } from "../terminal/progress.ts"
import { examineTraining } from "./examine.ts"
import { TRAIN_OPTIONS } from "./options/index.ts"
import { readTrainSettings } from "./settings.ts"

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-examine-"))
  for (const part of ["images", "controls"]) await writePng(join(folder, part, "1.png"), blankImage(64, 64, [9, 9, 9]))
})
afterAll(() => rm(folder, { recursive: true }))

it.each([
  [
    { scale_v_pred_loss_like_noise_pred: true },
    /--scale_v_pred_loss_like_noise_pred is for a checkpoint that predicts v/,
  ],
  [{ v_pred_like_loss: 0.5, v_parameterization: true }, /--v_pred_like_loss is for a checkpoint that predicts noise/],
  [{ v_pred_like_loss: 0.5 }, null],
  [{ v_pred_like_loss: 0, v_parameterization: true }, null],
  [{ scale_v_pred_loss_like_noise_pred: true, v_parameterization: true }, null],
])(
  "refuses weights of the loss that do not fit the checkpoint, before anything is loaded: %j",
  async (more, message) => {
    const folders = { train_data_dir: join(folder, "images"), conditioning_data_dir: join(folder, "controls") }
    const options = { pretrained_model_name_or_path: "tiny", output_dir: folder, resolution: "64", ...folders }
    const reader = readRecord(TRAIN_OPTIONS, { ...options, ...more })
    const reporter = createReporter({ write: () => {} })
    await examineTraining(reader, readTrainSettings(reader), reporter, new AbortController().signal)
    if (message === null) expect(() => reader.finish()).not.toThrow()
    else expect(() => reader.finish()).toThrow(message)
  },
)

it("names all problems of options and files at once, each at the option that names the file", async () => {
  const lost = (name: string): string => join(folder, "lost", name)
  const config = join(folder, "set.toml")
  const subset = (images: string, controls: string): string =>
    `[[datasets.subsets]]\nimage_dir = "${images}"\nconditioning_data_dir = "${controls}"\n`
  const images = join(folder, "images")
  const subsets = subset(images, lost("controls")) + subset(lost("images"), lost("others"))
  await writeFile(config, `[[datasets]]\nresolution = 64\nbatch_sise = 1\n${subsets}`)
  const prompts = join(folder, "prompts.txt")
  await writeFile(prompts, `a --cn ${lost("control.png")}`)
  const problems = await problemsOf({
    ...{ pretrained_model_name_or_path: lost("a.safetensors"), vae: lost("vae.safetensors"), output_dir: folder },
    ...{ dataset_config: config, sample_prompts: prompts, sample_every_n_steps: 1, resume: lost("state") },
    ...{ optimizer_args: ["esp=1", "betas=2"] },
  })
  const named = (name: string): string => `cannot read ${name}": there is no such file or folder. Check the path.`
  const table = `${config}: datasets[0]`
  expect(problems.map((line) => line.replaceAll(`"${folder}/lost/`, ""))).toEqual([
    expect.stringMatching(/^--optimizer_args has "esp=1", expected .* Did you mean eps\?$/),
    expect.stringMatching(/^--optimizer_args has "betas=2", expected 2 values/),
    named("vae.safetensors"),
    named("a.safetensors"),
    named("state"),
    `${table}, line 3: there is no option batch_sise. Did you mean batch_size?`,
    `${table}.subsets[0], line 6: ${named("the folder controls")}`,
    `${table}.subsets[1], line 8: ${named("the folder images")}`,
    `${table}.subsets[1], line 9: ${named("the folder others")}`,
    `"${prompts}", line 1: ${named("control.png")}`,
  ])
})

it("names missing folders beside each other and beside other problems", async () => {
  const problems = await problemsOf({
    ...{ pretrained_model_name_or_path: "tiny", output_dir: folder, resolution: "63", max_train_steps: 0 },
    ...{ train_data_dir: join(folder, "no"), conditioning_data_dir: join(folder, "none") },
  })
  expect(problems).toEqual([
    "--max_train_steps is 0, expected a whole number from 1 to 10000000",
    expect.stringMatching(/^--resolution is 63x63/),
    expect.stringMatching(/^cannot read the folder ".*no"/),
    expect.stringMatching(/^cannot read the folder ".*none"/),
  ])
})

/** The problems of options, a line each. */
async function problemsOf(options: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const reader = readRecord(TRAIN_OPTIONS, options)
  const reporter = createReporter({ write: () => {} })
  await examineTraining(reader, readTrainSettings(reader), reporter, new AbortController().signal)
  try {
    reader.finish()
    return []
  } catch (error) {
    return String(error).split("\n  - ").slice(1)
  }
}
