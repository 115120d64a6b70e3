import { defineCommand } from "../command/command.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { demoFolder } from "./demo-folder.ts"
import { DEMO_OPTIONS } from "./options.ts"

/** `lllite demo` */
export const demoCommand = defineCommand({
  name: "demo",
  description:
    "Train a Canny LLLite on the embedded tiny SDXL, draw with it and without it, and write a report. This takes some minutes.",
  options: DEMO_OPTIONS,
  endsItself: true,
  run: (reader, _, signal) => {
    const options = reader.finish()
    return watched(signal, STOPPING.saves, async (reporter) => {
      const { runDemo } = await import("./run.ts")
      await runDemo({ ...options, out: await demoFolder(options.out, options.force) }, reporter, signal)
    })
  },
})
