import { defineCommand } from "../command/command.ts"
import { JSON_OPTION } from "../lllite-file/output-options.ts"

/** `lllite doctor` */
export const doctorCommand = defineCommand({
  name: "doctor",
  description: "Say what this machine can do, what was tried, and what to type to get more.",
  options: JSON_OPTION,
  async run(reader) {
    const { json } = reader.finish()
    const { runDoctor } = await import("./run.ts")
    process.stdout.write(`${await runDoctor(json)}\n`)
  },
})
