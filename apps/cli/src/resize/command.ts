import { defineCommand } from "../command/command.ts"
import { localFiles } from "../model/local-models.ts"
import { print } from "../terminal/streams.ts"
import { RESIZE_OPTIONS } from "./options.ts"

/** `lllite resize` */
export const resizeCommand = defineCommand({
  name: "resize",
  description: "Write an LLLite with other widths. The command measures and reports the error.",
  positionals: { text: "<file>", min: 1 },
  options: RESIZE_OPTIONS,
  async run(reader, files, signal) {
    reader.check(["networkDim", "condEmbDim"], () =>
      reader.isGiven("networkDim") || reader.isGiven("condEmbDim")
        ? null
        : "nothing to do, expected --network_dim, --cond_emb_dim or both",
    )
    const settings = reader.finish()
    const { runResize } = await import("./run.ts")
    print(await runResize(await localFiles(files, signal), settings, signal))
  },
})
