/** What products in float16 need of an adapter. They run on its subgroup matrices, which are flagged features so far. */
const NEEDED = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as const

/** The part of `navigator.gpu` that is asked. */
interface Gpu {
  requestAdapter(options: GPURequestAdapterOptions): Promise<{ readonly features: ReadonlySet<string> } | null>
}

/**
 * Whether this browser shows what the precision `F16` needs on WebGPU: float16 in kernels, and subgroup matrices. A
 * driver that shows them may still compute them wrongly. `createWebRuntime` checks this, and then computes in float32.
 *
 * @param gpu Default: `navigator.gpu`
 */
export async function offersFloat16(gpu: Gpu | undefined = globalThis.navigator?.gpu): Promise<boolean> {
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null)
  return adapter != null && NEEDED.every((feature) => adapter.features.has(feature))
}
