import { needs } from "../../format/test/needs.ts"
import { openGpu } from "./open-gpu.ts"

/** WebGPU on the driver that most tests run on. */
const { gpu, hasAdapter, start } = await openGpu("lavapipe", "swiftshader")

/** Skips what computes where there is nothing to compute on. */
export const needsAdapter = needs("a WebGPU adapter. scripts/lavapipe.sh installs one", hasAdapter)

export { gpu, start }
