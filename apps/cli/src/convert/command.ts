import { defineCommand } from "../command/command.ts"
import { localFiles } from "../model/local-models.ts"
import { print } from "../terminal/streams.ts"
import { CONVERT_OPTIONS } from "./options.ts"

/** `lllite convert` */
export const convertCommand = defineCommand({
  name: "convert",
  description: "Write a safetensors file with another dtype or other tensor names.",
  positionals: { text: "<file>", min: 1 },
  options: CONVERT_OPTIONS,
  async run(reader, files, signal) {
    reader.check(["dtype", "keys", "plain"], () => {
      const isAsked = reader.isGiven("dtype") || reader.isGiven("keys") || reader.settings.plain
      return isAsked ? null : "nothing to do, expected --dtype, --keys, --plain or several of them"
    })
    const settings = reader.finish()
    const { runConvert } = await import("./run.ts")
    print(await runConvert(await localFiles(files, signal), settings, signal))
  },
})
