import type { NodeRuntime } from "@lllite/runtime-node"
import { createNodeRuntime } from "@lllite/runtime-node"
import type { Reporter } from "../terminal/progress.ts"
import type { RuntimeChoice } from "./runtime-options.ts"

/** Starts the runtime. Reports why a better backend was not used. */
export async function startRuntime(
  choice: RuntimeChoice,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<NodeRuntime> {
  const runtime = await createNodeRuntime({ ...choice, signal })
  for (const text of runtime.notices) reporter.say("notice", { text }, `Note: ${text}`)
  return runtime
}
