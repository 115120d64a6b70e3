import { NODE_BACKENDS, type NodeBackend } from "../backends/names.ts"
import { findTensorflow, packageFolder } from "../tensorflow/installation.ts"

/** The backends whose packages are installed. None is loaded or tried. */
export function installedBackends(): readonly NodeBackend[] {
  return NODE_BACKENDS.filter((name) => {
    if (name === "tensorflow") return findTensorflow().found !== null
    return name !== "webgpu" || packageFolder("webgpu") !== null
  })
}
