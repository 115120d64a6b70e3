import type { NodeBackend, NodeRuntime } from "@lllite/runtime-node"
import { createNodeRuntime } from "@lllite/runtime-node"
import type { Reporter } from "./progress.ts"

/** Starts the runtime, and says why a better backend than the one that runs was passed over. */
export async function startRuntime(backend: NodeBackend | undefined, reporter: Reporter): Promise<NodeRuntime> {
  const runtime = await createNodeRuntime(backend === undefined ? {} : { backend })
  for (const text of runtime.notices) reporter.say("notice", { text }, `Note: ${text}`)
  return runtime
}
