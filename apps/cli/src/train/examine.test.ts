import { mkdtemp, rm } from "node:fs/promises"
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
