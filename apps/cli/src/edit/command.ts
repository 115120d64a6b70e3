import { defineCommand } from "../command/command.ts"
import { print } from "../terminal/streams.ts"
import { EDIT_OPTIONS, editProblem } from "./options.ts"

/** `lllite edit` */
export const editCommand = defineCommand({
  name: "edit",
  description: "Show or change the metadata of a safetensors file.",
  positionals: { text: "<file>", min: 1 },
  options: EDIT_OPTIONS,
  async run(reader, files, signal) {
    reader.check(["set", "unset", "clear", "fill", "output", "force"], () => editProblem(reader.settings))
    const settings = reader.finish()
    const { runEdit } = await import("./run.ts")
    print(await runEdit(files, settings, signal))
  },
})
