import { defineCommand } from "../command/command.ts"
import { watched } from "../command/watched.ts"
import { TRAIN_GROUPS, TRAIN_OPTIONS } from "./options/index.ts"
import { readTrainSettings } from "./settings.ts"

/** `lllite train` */
export const trainCommand = defineCommand({
  name: "train",
  description:
    "Train an LLLite for SDXL. The options have the same names as in sd-scripts. Dashes and underscores in names mean the same.",
  options: TRAIN_OPTIONS,
  groups: TRAIN_GROUPS,
  configFile: "config_file",
  run: (reader) =>
    watched(async (reporter, signal) => {
      const settings = readTrainSettings(reader)
      const { examineTraining } = await import("./examine.ts")
      const dataset = await examineTraining(reader, settings, reporter, signal)
      reader.finish()
      if (dataset === null) return
      const { runTrain } = await import("./run.ts")
      await runTrain(settings, dataset, reporter, signal)
    }),
})
