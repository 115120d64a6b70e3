import { checkArgument, checkGiven } from "@lllite/core/names"
import { WebgpuOpsError } from "../errors.ts"
import type { ProductPrecision } from "../webgpu-ops.ts"
import type { OptionalFeature } from "./features.ts"
import type { WebgpuDevice } from "./start.ts"

/** A started device, its name, and which kernels run on it and why, in sentences. */
export interface CheckedStart {
  readonly device: WebgpuDevice
  readonly version: string
  readonly paths: readonly string[]
  /** Why products do not multiply float16 on subgroup matrices, though the precision is F16. Null where they do. */
  readonly unused: string | null
}

/** Why a device cannot compute in F16. */
export interface PathProblem {
  readonly problem: string
}

/** Features without float16, and without matrices. With a precision of F16 the device begins with all. */
const FLOAT32: readonly OptionalFeature[] = ["subgroups"]
const NO_MATRICES: readonly OptionalFeature[] = ["shader-f16", "subgroups"]

/** Each gives null where what it checks is right on the device of this name, or else what is wrong. */
export interface PathChecks {
  /** Products whose float16 weights stay in 16 bits. */
  half(version: string): Promise<string | null>
  /** Values between layers that are stored in float16. */
  storage(version: string): Promise<string | null>
  /** Products and attention on subgroup matrices. */
  matrices(version: string): Promise<string | null>
}

/**
 * Starts a device. Where it has float16, that is checked before it is used. Where the check fails, the device starts anew
 * without. Float16 between layers and subgroup matrices are checked if the precision is F16. Where matrices fail their
 * check, the device starts anew without them.
 *
 * @returns the problem if the precision is F16, and the driver has no float16 or fails its checks. The device is ended then
 */
export async function startOnPaths(
  start: (options: { readonly features?: readonly OptionalFeature[] }) => Promise<WebgpuDevice>,
  checks: PathChecks,
  precision: ProductPrecision = "F32",
): Promise<CheckedStart | PathProblem> {
  checkArgument("WebGPU: the start", start, "a function")
  checkGiven("WebGPU: the checks", checks, "half", "keptChecks")
  if (precision !== "F32" && precision !== "F16") {
    throw new WebgpuOpsError("precision", `precision: ${JSON.stringify(precision)}, expected F32 or F16`)
  }
  const { half, storage, matrices } = checks
  const device = await start(precision === "F16" ? {} : { features: NO_MATRICES })
  const version = versionOf(device)
  const hasHalf = device.device.features.has("shader-f16")
  const problem = hasHalf ? await half(version) : "the driver has no float16"
  const sizes = [...new Set(device.matrices.map(({ M, N, K }) => `${M}×${N}×${K}`))].join(", ")
  if (precision === "F16") {
    const found = problem ?? (await storage(version))
    if (found !== null) {
      device.dispose()
      return { problem: found }
    }
    const stored = "The U-Net's values between layers are stored in float16: this driver passed the check."
    const wrong = sizes === "" ? "this device shows none" : await matrices(version)
    if (wrong === null) {
      const path = `Products and attention of networks, except the VAE's, multiply float16 on subgroup matrices of ${sizes}: this driver passed their check.`
      return { device, version, paths: [stored, path], unused: null }
    }
    const paths = [stored, `Products multiply float32, without subgroup matrices: ${wrong}.`]
    if (sizes === "") return { device, version, paths, unused: wrong }
    device.dispose()
    return { device: await start({ features: NO_MATRICES }), version, paths, unused: wrong }
  }
  const unused =
    sizes === ""
      ? "The driver has no subgroup matrices."
      : `The driver has subgroup matrices of ${sizes}. --precision F16 multiplies on them, if this driver passes their check.`
  if (problem === null) {
    const path = "Products may keep float16 weights in 16 bits: this driver passed their check."
    const stores = "--precision F16 stores the U-Net's values in float16, if this driver passes that check, too."
    return { device, version, paths: [path, stores, unused], unused: null }
  }
  const paths = [`Kernels use float32 alone: ${problem}.`, unused]
  if (!hasHalf) return { device, version, paths, unused: null }
  device.dispose()
  return { device: await start({ features: FLOAT32 }), version, paths, unused: null }
}

/** The name of a device's card and driver, for people, and for stores of what was found on it. */
export function versionOf(device: WebgpuDevice): string {
  checkGiven("WebGPU: the device", device, "device", "startWebgpu")
  const { vendor, architecture, description } = device
  return ["WebGPU", vendor, architecture, description].filter(Boolean).join(" ")
}
