import { existsSync } from "node:fs"
import "@tensorflow/tfjs"
import { create, globals } from "webgpu"
import { startWebgpu, type WebgpuDevice } from "../src/index.ts"

/** The software driver that Debian's chromium brings: used where no driver was named. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json"
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES = SWIFTSHADER

Object.assign(globalThis, globals)
export const gpu = create([])
Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true })

/** Whether this machine has any adapter; without one, tests of kernels have nothing to run on. */
export const hasAdapter = (await gpu.requestAdapter()) !== null

/** Starts the backend on whatever adapter there is. */
export function start(): Promise<WebgpuDevice> {
  return startWebgpu(gpu, { software: true })
}
