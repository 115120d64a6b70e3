import { flag } from "@lllite/runtime-node/options"
import { defineCommand } from "../command/command.ts"
import { JSON_OPTION } from "../lllite-file/output-options.ts"
import { localFiles } from "../model/local-models.ts"
import { print } from "../terminal/streams.ts"

/** `lllite diff` */
export const diffCommand = defineCommand({
  name: "diff",
  description: "Compare two LLLites, site by site.",
  positionals: { text: "<first> <second>", min: 2 },
  options: {
    outputs: flag({ help: "Also compare what the sites compute on samples. The widths may then differ." }),
    ...JSON_OPTION,
  },
  async run(reader, files, signal) {
    const settings = reader.finish()
    const { runDiff } = await import("./run.ts")
    print(await runDiff(await localFiles(files, signal), settings, signal))
  },
})
