import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { requireFrom } from "../own-files.ts"
import type { TensorflowInstallation } from "./installation.ts"

/** The file beside the binding that has our own ops of TensorFlow. `lllite setup tensorflow` builds it. */
export const KERNELS_FILE = "lllite_kernels.node"

/** What our own ops run on. */
export interface Kernels {
  /** For example `AVX-512`. */
  readonly instructions: string
  /** Whether the CPU multiplies bfloat16 by AMX, which TensorFlow's own products use. */
  readonly hasAmx: boolean
}

const require = requireFrom(import.meta.url)

/** Registers our own ops with TensorFlow, whose binding is loaded. Null: there are none, or none for this CPU. */
export function loadKernels({ binding }: Pick<TensorflowInstallation, "binding">): Kernels | null {
  const path = join(dirname(binding), KERNELS_FILE)
  if (!existsSync(path)) return null
  try {
    return require(path) as Kernels
  } catch {
    return null
  }
}
