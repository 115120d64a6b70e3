import { InputError } from "@lllite/runtime-node/files"
import { defineCommand } from "../command/command.ts"
import { localFiles } from "../model/local-models.ts"
import { print } from "../terminal/streams.ts"
import { EDIT_OPTIONS, editProblem, isChange } from "./options.ts"

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
    const local = await localFiles(files, signal)
    if (local[0] !== files[0] && isChange(settings) && settings.output === undefined) {
      throw new InputError("address", "edit does not change files of the web. Name the file to write with --output.")
    }
    print(await runEdit(local, settings, signal))
  },
})
