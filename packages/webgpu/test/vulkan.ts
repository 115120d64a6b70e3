import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import "@tensorflow/tfjs"
import { create, globals } from "webgpu"
import { startWebgpu, type WebgpuDevice } from "../src/index.ts"

const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache")

/** Vulkan's drivers in software, and where their descriptions lie. */
const DRIVERS = {
  // As scripts/lavapipe.sh leaves it: some ten times as fast as the other.
  lavapipe: join(cache, "lllite", "lavapipe", "lvp_icd.json"),
  // As Debian's chromium brings it.
  swiftshader: "/usr/lib/chromium/vk_swiftshader_icd.json",
} as const

export type Driver = keyof typeof DRIVERS

/** A driver's description; null where it is not on this machine. */
export function findDriver(driver: Driver): string | null {
  return existsSync(DRIVERS[driver]) ? DRIVERS[driver] : null
}

/** Names the first of some drivers that is here to Vulkan, unless one was named by whoever runs this. */
export function chooseDriver(...drivers: readonly Driver[]): void {
  const found = drivers.map(findDriver).find((path) => path !== null)
  if (process.env.VK_ICD_FILENAMES === undefined && found !== undefined) process.env.VK_ICD_FILENAMES = found
}

export interface OpenedGpu {
  readonly gpu: GPU
  /** Whether there is an adapter; without one, tests of kernels have nothing to run on. */
  readonly hasAdapter: boolean
  /** Starts the backend on it. */
  start(): Promise<WebgpuDevice>
}

/** Opens Dawn on the first of some drivers that is here, and says which it is: one for each process. */
export async function openGpu(...drivers: readonly Driver[]): Promise<OpenedGpu> {
  chooseDriver(...drivers)
  Object.assign(globalThis, globals)
  const gpu = create([])
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true })
  const adapter = await gpu.requestAdapter()
  console.info(`WebGPU: ${adapter?.info.description ?? "no adapter"}`)
  return { gpu, hasAdapter: adapter !== null, start: () => startWebgpu(gpu, { software: true }) }
}
