import { defineCommand } from "../command/command.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { MODEL_FILES } from "../generate/options.ts"
import { createLocalPaths, localModels } from "../model/local-models.ts"
import { untilStopped } from "../terminal/until-stopped.ts"
import { GRID_GROUPS, GRID_OPTIONS } from "./options.ts"
import { localAxes, readAxes } from "./settings.ts"

/** `lllite grid` */
export const gridCommand = defineCommand({
  name: "grid",
  saysNotes: true,
  description:
    "Draw one picture for each pair of values of two options, and all of them as one labelled sheet. All options of generate can be given.",
  options: GRID_OPTIONS,
  groups: GRID_GROUPS,
  endsItself: true,
  run: (given, _, signal) =>
    watched(signal, STOPPING.ends, async (reporter) => {
      const reader = await localModels(given, MODEL_FILES, reporter, signal)
      const toLocal = createLocalPaths(reader, reporter, signal)
      const read = readAxes(reader)
      const axes = read === null ? null : await localAxes(read, toLocal)
      const { planGrid } = await import("./plan.ts")
      const grid = await untilStopped(planGrid(reader, axes, toLocal), signal)
      const { runGrid } = await import("./run.ts")
      await runGrid(grid, reporter, signal)
    }),
})
