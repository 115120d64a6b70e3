import { needs } from "../../format/test/needs.ts"
import { openGpu } from "./open-gpu.ts"

/** WebGPU on the driver of most tests. */
const { gpu, hasAdapter, start } = await openGpu("lavapipe", "swiftshader")

/** Skips tests that compute if there is no adapter. */
export const needsAdapter = needs("a WebGPU adapter. scripts/lavapipe.sh installs one", hasAdapter)

export { gpu, start }
