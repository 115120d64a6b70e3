import { flag } from "@lllite/runtime-node/options"
import { defineCommand } from "../command/command.ts"
import { JSON_OPTION } from "../lllite-file/output-options.ts"

/** `lllite inspect` */
export const inspectCommand = defineCommand({
  name: "inspect",
  description:
    "Say what a safetensors file is, without loading it. The file is a path, an address, a checkpoint's *.index.json, or owner/name[@revision][:file] on the Hugging Face Hub.",
  positionals: { text: "<file>", least: 1 },
  options: {
    ...JSON_OPTION,
    health: flag({ help: "Also read an LLLite's values, and say what is wrong with them." }),
  },
  async run(reader, [file = ""]) {
    const { json, health } = reader.finish()
    const { inspectFile } = await import("./run.ts")
    const { formatReport } = await import("./text.ts")
    const report = await inspectFile(file, { health })
    process.stdout.write(`${json ? JSON.stringify(report, null, 2) : formatReport(report)}\n`)
  },
})
