import { flag } from "@lllite/runtime-node/options"
import { defineCommand } from "../command/command.ts"
import { JSON_OPTION } from "../lllite-file/output-options.ts"
import { print } from "../terminal/streams.ts"

/** `lllite inspect` */
export const inspectCommand = defineCommand({
  name: "inspect",
  description:
    "Show the kind and the contents of a safetensors file by its header. The file is a path, a URL, a checkpoint's *.index.json, or owner/name[@revision][:file] on the Hugging Face Hub. Of a PNG, show how it was made, by the text of LLLite, sd-scripts, ComfyUI or stable-diffusion-webui.",
  positionals: { text: "<file>", min: 1 },
  options: {
    ...JSON_OPTION,
    health: flag({ help: "Also read the values of an LLLite, and report problems." }),
  },
  async run(reader, [file = ""], signal) {
    const { json, health } = reader.finish()
    if (isPicture(file)) {
      const { inspectPicture, pictureText } = await import("./picture.ts")
      const report = await inspectPicture(file)
      print(json ? JSON.stringify(report, null, 2) : pictureText(report))
      return
    }
    const { inspectFile } = await import("./run.ts")
    const { formatReport } = await import("./text.ts")
    const report = await inspectFile(file, { health, signal })
    print(json ? JSON.stringify(report, null, 2) : formatReport(report))
  },
})

/** Whether a location is the path of a PNG. */
function isPicture(location: string): boolean {
  return /\.png$/i.test(location) && !/^[a-z]+:\/\//i.test(location)
}
