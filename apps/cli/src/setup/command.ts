import { defineCommand } from "../command/command.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { SETUP_OPTIONS, setupProblem, TARGETS } from "./options.ts"

/** `lllite setup` */
export const setupCommand = defineCommand({
  name: "setup",
  description:
    "Build a faster backend for this machine: lllite setup tensorflow. It needs Python 3 with pip, and a C++ compiler.",
  positionals: { text: TARGETS.join("|"), min: 1 },
  options: SETUP_OPTIONS,
  endsItself: true,
  run: (reader, [target], signal) => {
    reader.check([], () => setupProblem(target, reader.settings))
    const settings = reader.finish()
    return watched(signal, STOPPING.ends, async (reporter) => {
      const { runSetup } = await import("./run.ts")
      await runSetup(settings, reporter, signal)
    })
  },
})
