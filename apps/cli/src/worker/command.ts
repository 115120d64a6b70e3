import { defineCommand } from "../command/command.ts"
import { withPackage } from "../command/optional-package.ts"
import { watched } from "../command/watched.ts"
import { WORK_GROUPS, WORK_OPTIONS } from "./options.ts"

/** What the command says when it stops by a signal. */
const STOPPING = "Stopping. A job that has not ended in 10 seconds is given back. To end at once, press Ctrl-C again."

/** `lllite work` */
export const workCommand = defineCommand({
  name: "work",
  description:
    "Do the jobs of a server that was started with --redis, on this or any other machine. It needs the package @lllite/serve.",
  options: WORK_OPTIONS,
  groups: WORK_GROUPS,
  endsItself: true,
  run: (reader, _, signal) => {
    const settings = reader.finish()
    return watched(signal, STOPPING, async (reporter) => {
      const { runWork } = await withPackage("@lllite/serve", "workers", () => import("./run.ts"))
      await runWork(settings, reporter, signal)
    })
  },
})
