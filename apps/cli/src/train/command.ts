import { defineCommand } from "../command/command.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { localModels } from "../model/local-models.ts"
import { NOTHING_TO_SAVE, untilStopped } from "../terminal/until-stopped.ts"
import { withLatestState } from "./latest-state.ts"
import { TRAIN_GROUPS, TRAIN_OPTIONS } from "./options/index.ts"
import { withPreset } from "./preset.ts"
import { readTrainSettings } from "./settings.ts"

/** `lllite train` */
export const trainCommand = defineCommand({
  name: "train",
  saysNotes: true,
  description:
    "Train an LLLite for SDXL. The options have the same names as in sd-scripts. Dashes and underscores in names mean the same.",
  options: TRAIN_OPTIONS,
  groups: TRAIN_GROUPS,
  configFile: "config_file",
  outputConfig: "output_config",
  endsItself: true,
  run: (given, _, signal) =>
    watched(signal, STOPPING.saves, async (reporter) => {
      const files = ["pretrainedModelNameOrPath", "vae", "unet", "networkWeights"] as const
      const continued = await withLatestState(given, reporter)
      const reader = await localModels(withPreset(continued), files, reporter, signal)
      const settings = readTrainSettings(reader)
      const { examineTraining } = await import("./examine.ts")
      const dataset = await untilStopped(examineTraining(reader, settings, reporter, signal), signal, NOTHING_TO_SAVE)
      reader.finish()
      if (dataset === null) return
      const { preset } = settings
      if (preset !== null) reporter.say("preset", { ...preset }, preset.text)
      if (settings.plan) {
        const { planRun } = await import("./plan/plan-run.ts")
        const { planText } = await import("./plan/plan-text.ts")
        const plan = await untilStopped(planRun(settings, dataset, signal), signal, NOTHING_TO_SAVE)
        return reporter.say("plan", { ...plan }, planText(plan))
      }
      const { runTrain } = await import("./run.ts")
      await runTrain(settings, dataset, reporter, signal)
    }),
})
