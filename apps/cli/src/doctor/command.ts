import { defineCommand } from "../command/command.ts"
import { JSON_OPTION } from "../lllite-file/output-options.ts"
import { print } from "../terminal/streams.ts"

/** `lllite doctor` */
export const doctorCommand = defineCommand({
  name: "doctor",
  description: "Show which backends and models work on this machine, and which commands add more.",
  options: JSON_OPTION,
  async run(reader, _, signal) {
    const { json } = reader.finish()
    const { runDoctor } = await import("./run.ts")
    print(await runDoctor(json, signal))
  },
})
