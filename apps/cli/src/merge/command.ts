import { defineCommand } from "../command/command.ts"
import { localFiles } from "../model/local-models.ts"
import { print } from "../terminal/streams.ts"
import { MERGE_OPTIONS } from "./options.ts"

/** `lllite merge` */
export const mergeCommand = defineCommand({
  name: "merge",
  description: "Write the weighted sum of LLLites with the same sites and widths.",
  positionals: { text: "<files...>", min: 1, max: Number.POSITIVE_INFINITY },
  options: MERGE_OPTIONS,
  async run(reader, files, signal) {
    reader.check(["ratios"], () => {
      const { length } = reader.settings.ratios
      return length === 0 || length === files.length
        ? null
        : `${reader.nameOf("ratios")} has ${length} ${length === 1 ? "number" : "numbers"} for ${files.length} files, expected one for each`
    })
    const settings = reader.finish()
    const { runMerge } = await import("./run.ts")
    print(await runMerge(await localFiles(files, signal), settings, signal))
  },
})
