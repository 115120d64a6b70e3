import type { OptionalFeature, WebgpuDevice } from "@lllite/webgpu"

/** A started device, its name, and which kernels run on it and why, in sentences. */
export interface CheckedStart {
  readonly device: WebgpuDevice
  readonly version: string
  readonly paths: readonly string[]
}

/** Features without float16. */
const FLOAT32: readonly OptionalFeature[] = ["subgroups"]

/**
 * Starts a device. Where it has float16, that is checked before it is used. Where the check fails, the device starts anew
 * without.
 *
 * @param check gives null where float16 is right on the device of this name, or else what is wrong
 */
export async function startOnPaths(
  start: (options: { readonly features?: readonly OptionalFeature[] }) => Promise<WebgpuDevice>,
  check: (version: string) => Promise<string | null>,
): Promise<CheckedStart> {
  const device = await start({})
  const version = ["WebGPU", device.vendor, device.architecture, device.description].filter(Boolean).join(" ")
  const matrices = matricesOf(device)
  if (!device.device.features.has("shader-f16")) {
    return { device, version, paths: ["Kernels use float32 alone: the driver has no float16.", matrices] }
  }
  const problem = await check(version)
  if (problem === null) {
    return {
      device,
      version,
      paths: ["Products may keep float16 weights in 16 bits: this driver passed their check.", matrices],
    }
  }
  device.dispose()
  return {
    ...{ device: await start({ features: FLOAT32 }), version },
    paths: [`Kernels use float32 alone: ${problem}.`, matrices],
  }
}

function matricesOf({ matrices }: WebgpuDevice): string {
  const sizes = [...new Set(matrices.map(({ M, N, K }) => `${M}×${N}×${K}`))]
  return sizes.length === 0
    ? "The driver has no subgroup matrices."
    : `The driver has subgroup matrices of ${sizes.join(", ")}. No kernel uses them yet.`
}
