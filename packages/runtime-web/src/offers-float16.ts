import { checkGiven } from "@lllite/core/names"

/** The part of `navigator.gpu` that is asked. */
interface Gpu {
  requestAdapter(options: GPURequestAdapterOptions): Promise<{ readonly features: ReadonlySet<string> } | null>
}

/**
 * Whether this browser shows what the precision `F16` needs on WebGPU: float16 in kernels (`shader-f16`). A driver that
 * shows it may still compute it wrongly. `createWebRuntime` checks this, and then computes in float32.
 *
 * @param gpu Default: `navigator.gpu`
 */
export async function offersFloat16(gpu: Gpu | undefined = globalThis.navigator?.gpu): Promise<boolean> {
  if (gpu !== undefined && gpu !== null) checkGiven("float16: the GPU", gpu, "requestAdapter", "navigator.gpu")
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null)
  return adapter?.features.has("shader-f16") ?? false
}
