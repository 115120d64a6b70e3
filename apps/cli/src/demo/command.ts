import { defineCommand } from "../command/command.ts"
import { watched } from "../command/watched.ts"
import { DEMO_OPTIONS } from "./options.ts"

/** `lllite demo` */
export const demoCommand = defineCommand({
  name: "demo",
  description:
    "Train a Canny LLLite on the embedded tiny SDXL, draw with it and without it, and write a report. This takes some minutes.",
  options: DEMO_OPTIONS,
  run: (reader) => {
    const settings = reader.finish()
    return watched(async (reporter, signal) => {
      const { runDemo } = await import("./run.ts")
      await runDemo(settings, reporter, signal)
    })
  },
})
