import type { PathChecks, ProductPrecision, startOnPaths, WebgpuDevice } from "@lllite/webgpu"

/** A device, the precision that it computes in, and what differs from the wanted one. */
export interface StartedPrecision {
  readonly device: WebgpuDevice
  readonly precision: ProductPrecision
  readonly notices: readonly string[]
}

/**
 * Starts a device for a precision. F16 needs float16 that the driver computes rightly. Without it the precision is F32,
 * with a notice. F16 without subgroup matrices has a notice, too.
 *
 * @param onPaths `startOnPaths` of `@lllite/webgpu`, which a page loads only for WebGPU
 */
export async function startInPrecision(
  wanted: ProductPrecision,
  start: Parameters<typeof startOnPaths>[0],
  checks: PathChecks,
  onPaths: typeof startOnPaths,
): Promise<StartedPrecision> {
  if (wanted === "F32") return { device: await start({}), precision: "F32", notices: [] }
  const found = await onPaths(start, checks, "F16")
  if ("problem" in found) {
    const notices = [`Products are computed in float32, not in float16: ${found.problem}.`]
    return { device: await start({}), precision: "F32", notices }
  }
  const { device, unused } = found
  const notices = unused === null ? [] : [`Products multiply float32, without subgroup matrices: ${unused}.`]
  return { device, precision: "F16", notices }
}
