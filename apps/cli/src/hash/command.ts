import { defineCommand } from "../command/command.ts"
import { JSON_OPTION } from "../lllite-file/output-options.ts"
import { localFiles } from "../model/local-models.ts"
import { print } from "../terminal/streams.ts"

/** `lllite hash` */
export const hashCommand = defineCommand({
  name: "hash",
  description: "Print the common hashes of a safetensors file.",
  positionals: { text: "<file>", min: 1 },
  options: JSON_OPTION,
  async run(reader, files, signal) {
    const settings = reader.finish()
    const { runHash } = await import("./run.ts")
    print(await runHash(await localFiles(files, signal), settings, signal))
  },
})
