import { openGpu } from "./open-gpu.ts"

/** WebGPU on the driver that most tests run on. */
export const { gpu, hasAdapter, start } = await openGpu("lavapipe", "swiftshader")
