import { defineCommand } from "../../command/command.ts"
import { untilStopped } from "../../terminal/until-stopped.ts"
import { readDataset } from "../../train/settings.ts"
import { CHECK_GROUPS, CHECK_OPTIONS } from "./options.ts"
import { withSource } from "./source.ts"

/** `lllite dataset check` */
export const checkCommand = defineCommand({
  name: "dataset check",
  description:
    "Examine a data set before training: pairs, sizes, captions, controls, copies and broken files. Give a file of data sets, a folder, or the options of train. Other options of train are accepted and not examined. Exit code 1 means that train would refuse it.",
  positionals: { text: "[file.toml|folder]", min: 0, max: 1 },
  options: CHECK_OPTIONS,
  groups: CHECK_GROUPS,
  configFile: "config_file",
  endsItself: true,
  async run(given, [path = null], signal) {
    const reader = await withSource(given, path)
    const dataset = readDataset(reader)
    const { runCheck } = await import("./run.ts")
    await untilStopped(runCheck(reader, dataset, signal), signal)
  },
})
