import { defineCommand } from "../command/command.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { createLocalPaths, localModels } from "../model/local-models.ts"
import { untilStopped } from "../terminal/until-stopped.ts"
import { GENERATE_GROUPS, GENERATE_OPTIONS, MODEL_FILES } from "./options.ts"
import { checkGenerateOptions, readGenerateSettings } from "./settings.ts"
import { hasSource } from "./source/options.ts"

/** `lllite generate` */
export const generateCommand = defineCommand({
  name: "generate",
  saysNotes: true,
  description:
    "Generate pictures, with or without LLLites. The options have the same names as in sd-scripts. Dashes and underscores in names mean the same.",
  options: GENERATE_OPTIONS,
  groups: GENERATE_GROUPS,
  endsItself: true,
  run: (given, _, signal) =>
    watched(signal, STOPPING.ends, async (reporter) => {
      if (!hasSource(given)) checkGenerateOptions(given)
      const reader = await localModels(given, MODEL_FILES, reporter, signal)
      reader.check(["interactive", "workflow", "from"], () =>
        reader.settings.interactive && hasSource(reader)
          ? `${reader.nameOf("interactive")} reads prompts as they are typed. Leave out the workflow or picture`
          : null,
      )
      if (hasSource(reader)) {
        const { runSource } = await import("./source/run-source.ts")
        await runSource(reader, reporter, signal)
        return
      }
      if (reader.settings.interactive) {
        const { runInteractive } = await import("./interactive.ts")
        await runInteractive(reader, reporter, signal)
        return
      }
      const { examineGeneration } = await import("./examine.ts")
      const toLocal = createLocalPaths(reader, reporter, signal)
      const { pictures, notices } = await untilStopped(examineGeneration(reader, null, toLocal), signal)
      const settings = readGenerateSettings(reader, pictures, notices)
      const { runGenerate } = await import("./run.ts")
      if (reader.settings.saveWorkflow !== undefined) {
        const { saveWorkflow } = await import("./source/save-workflow.ts")
        const recipes = pictures.map(({ recipe }) => recipe)
        await saveWorkflow(reader.settings.saveWorkflow, recipes, reporter)
      }
      await runGenerate(settings, reporter, signal)
    }),
})
