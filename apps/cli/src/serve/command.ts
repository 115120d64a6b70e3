import { defineCommand } from "../command/command.ts"
import { withPackage } from "../command/optional-package.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { SERVE_GROUPS, SERVE_OPTIONS } from "./options.ts"

/** `lllite serve` */
export const serveCommand = defineCommand({
  name: "serve",
  description:
    "Answer requests of programs: LLLite's own API, and those of ComfyUI and A1111. It needs the package @lllite/serve.",
  options: SERVE_OPTIONS,
  groups: SERVE_GROUPS,
  endsItself: true,
  run: (reader, _, signal) => {
    const settings = reader.finish()
    return watched(signal, STOPPING.ends, async (reporter) => {
      const { runServe } = await withPackage("@lllite/serve", "the server", () => import("./run.ts"))
      await runServe(settings, reporter, signal)
    })
  },
})
