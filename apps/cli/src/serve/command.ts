import { defineCommand } from "../command/command.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { UsageError } from "../terminal/errors.ts"
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
      const { runServe } = await loaded(() => import("./run.ts"))
      await runServe(settings, reporter, signal)
    })
  },
})

/** Loads what needs the package of the server. @throws UsageError `serve-missing` when it is not installed */
async function loaded<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
    if (!isMissing || !cause.message.includes("@lllite/serve")) throw cause
    throw new UsageError(
      "serve-missing",
      "the package of the server is not installed. Type: npm install @lllite/serve (with --global, if lllite was installed so).",
      { cause },
    )
  }
}
