import type { Identity } from "@lllite/ranks"
import { modelFingerprint, type NodeRuntime, type SdxlHandle, type SdxlPaths } from "@lllite/runtime-node"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { readVersion } from "../version.ts"

/** A loaded SDXL, and how it was loaded. */
export interface RankModel {
  readonly runtime: Pick<NodeRuntime, "backend" | "version">
  readonly choice: RuntimeChoice
  readonly sdxl: Pick<SdxlHandle, "prediction" | "zeroTerminalSnr">
  readonly paths: SdxlPaths
  /** How pooled text is projected. */
  readonly projection: string
}

/**
 * What has to be the same in all processes of a run, so that each computes the same values. Node's version is among it,
 * since newer ones have faster instructions for WebAssembly, which round otherwise.
 */
export async function identityOf(
  { runtime: { backend, version }, choice, sdxl, paths, projection }: RankModel,
  signal: AbortSignal,
): Promise<Identity> {
  const { precision = "F32", weights = "file" } = choice
  const [node = ""] = process.versions.node.split(".")
  return {
    "version of LLLite": readVersion(),
    "version of Node": node,
    backend: `${backend}, ${version}`,
    precision,
    weights,
    prediction: sdxl.prediction,
    "noise schedule": sdxl.zeroTerminalSnr ? "of zero terminal SNR" : "plain",
    projection,
    model: await modelFingerprint(paths, signal),
  }
}
