// Reports the driver, and WebGPU's features on it: without toggles, and with those for subgroup matrices.
import { execFile } from "node:child_process"
import { env } from "node:process"
import { promisify } from "node:util"
import { TOGGLES } from "../gpu.mjs"

export async function run({ built, createGpu, open, write }) {
  write({ smi: await smi() })
  write({ built, node: process.version, icd: env.VK_ICD_FILENAMES ?? env.VK_DRIVER_FILES ?? null })
  for (const toggles of [[], TOGGLES.slice(0, 1), TOGGLES]) {
    const adapter = await createGpu(toggles).requestAdapter({ powerPreference: "high-performance" })
    write({ toggles, ...(adapter === null ? { adapter: null } : describe(adapter)) })
  }
  // A driver may offer an adapter and refuse a device.
  const { device } = await open(TOGGLES)
  write({ device: [...device.features].sort(), language: [...navigator.gpu.wgslLanguageFeatures].sort() })
}

function describe({ info, features, limits }) {
  const { vendor, architecture, device, description, isFallbackAdapter, subgroupMinSize, subgroupMaxSize } = info
  const names = Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(limits)))
  const matrices = [...(info.subgroupMatrixConfigs ?? [])].map(({ componentType, resultComponentType, M, N, K }) => ({
    ...{ componentType, resultComponentType, M, N, K },
  }))
  return {
    adapter: { vendor, architecture, device, description, isFallbackAdapter, subgroupMinSize, subgroupMaxSize },
    features: [...features].sort(),
    matrices,
    limits: Object.fromEntries(names.filter((n) => typeof limits[n] === "number").map((n) => [n, limits[n]])),
  }
}

/** What nvidia-smi says of the cards; null where there is none. */
async function smi() {
  const fields = "name,driver_version,memory.total,memory.used,clocks.max.sm,clocks.max.mem,power.limit"
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", [`--query-gpu=${fields}`, "--format=csv"])
    return stdout.trim().split("\n")
  } catch {
    return null
  }
}
