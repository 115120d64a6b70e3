import { type MatrixInfo, type MatrixUnit, matrixUnitOf } from "../product/matrix-tiles.ts"
import type { Extension } from "../wgsl/module.ts"
import { wgslModule } from "../wgsl/module.ts"

/** Optional features that kernels use if the adapter has them. */
export const OPTIONAL_FEATURES = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as const
export type OptionalFeature = (typeof OPTIONAL_FEATURES)[number]

/** A device's optional features, as the kernels use them. */
export interface DeviceFeatures {
  /** Whether kernels may hold float16 (`shader-f16`). */
  readonly float16: boolean
  /**
   * The number of neighbouring invocations that may exchange values in registers, a power of two. 1 without this
   * feature. Every subgroup has at least as many invocations.
   */
  readonly reach: number
  /** The device's subgroup matrices. Null where kernels cannot use any. */
  readonly matrices: MatrixUnit | null
}

/** Invocations of the workgroups in which the exchange between neighbours was tested. */
const PROBED_THREADS = [64, 256] as const

/** Finds a device's features. It tests what WebGPU does not specify. */
export async function findFeatures(device: GPUDevice, info: GPUAdapterInfo): Promise<DeviceFeatures> {
  const has = (feature: OptionalFeature): boolean => device.features.has(feature as GPUFeatureName)
  const float16 = has("shader-f16")
  if (!has("subgroups")) return { float16, reach: 1, matrices: null }
  const hasMatrices = float16 && has("chromium-experimental-subgroup-matrix")
  const matrices = hasMatrices ? matrixUnitOf(info as MatrixInfo, device.limits) : null
  const reach = Math.min(info.subgroupMinSize ?? 1, PROBED_THREADS[0])
  for (const threads of PROBED_THREADS) {
    if (reach > 1 && !(await areNeighboursInOrder(device, threads, reach))) return { float16, reach: 1, matrices }
  }
  return { float16, reach, matrices }
}

/**
 * Tests whether invocations whose numbers differ in one bit below `reach` can exchange values. WebGPU does not specify
 * the order of invocations in subgroups.
 */
async function areNeighboursInOrder(device: GPUDevice, threads: number, reach: number): Promise<boolean> {
  const steps = Array.from({ length: Math.log2(reach) }, (_, level) => 2 ** level)
  const enable: readonly Extension[] = ["subgroups"]
  const code = wgslModule({
    ...{ enable, params: ["unused"], reads: {}, writes: { found: "u32" }, threads },
    main: `var all = p.unused;
${steps.map((step) => `all += u32(subgroupShuffleXor(local, ${step}u) == (local ^ ${step}u));`).join("\n")}
found[local] = all;`,
  })
  const module = device.createShaderModule({ label: "neighbours", code })
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } })
  const size = 4 * threads
  const params = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM })
  const found = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC })
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  try {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    const entries = [params, found].map((buffer, binding) => ({ binding, resource: { buffer } }))
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
    pass.dispatchWorkgroups(1)
    pass.end()
    encoder.copyBufferToBuffer(found, 0, staging, 0, size)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(GPUMapMode.READ)
    return new Uint32Array(staging.getMappedRange()).every((count) => count === steps.length)
  } finally {
    for (const buffer of [params, found, staging]) buffer.destroy()
  }
}
