import { registerGradients } from "@lllite/core/ops"
import type { Precision } from "../backends/names.ts"
import type { NodeRunningBackend, StartOptions } from "../backends/started-backend.ts"
import { InputError } from "../errors.ts"
import { requireFrom } from "../own-files.ts"
import type { TensorflowBinding } from "./binding.ts"
import { prepareTensorflowEnvironment } from "./environment.ts"
import { recordable } from "./graph/recorder.ts"
import type { GraphAbilities } from "./graph/trial.ts"
import type { TensorflowInstallation, TensorflowSearch } from "./installation.ts"
import { findTensorflow } from "./installation.ts"
import type { Kernels } from "./kernels.ts"
import { loadKernels } from "./kernels.ts"
import { createTensorflowOps, graphAbilities } from "./ops/index.ts"
import { loadNodeBackendPackage } from "./package-loader.ts"

const require = requireFrom(import.meta.url)

/**
 * Starts TensorFlow in this thread.
 *
 * @throws InputError if it is not installed or cannot be loaded
 */
export async function startTensorflow(
  options: StartOptions & { readonly precision?: Exclude<Precision, "F16"> } = {},
): Promise<NodeRunningBackend> {
  const { precision = "F32", weights = "file", graphs = true } = options
  const chosen = options.tensorflow ?? expectFound(findTensorflow())
  prepareTensorflowEnvironment()
  const tf = await import("@tensorflow/tfjs-core")
  await registerGradients()
  const binding = recordable(loadBinding(chosen))
  if (tf.findBackend("tensorflow") === null) {
    const { createBackend } = loadNodeBackendPackage(chosen.package, tf)
    tf.registerBackend("tensorflow", () => createBackend(binding))
  }
  const started = await tf.setBackend("tensorflow")
  if (!started) throw new Error('backend "tensorflow": tfjs did not start it. Type: lllite doctor')
  await tf.ready()
  const kernels = binding.isUsingGpuDevice() ? null : loadKernels(chosen)
  const tried = graphs ? graphAbilities() : null
  const products = productKernels(kernels, tried, precision)
  const abilities = tried && { ...tried, hasProducts: products !== null && typeof products !== "string" }
  const ops = createTensorflowOps({ compute: precision, graphs: abilities, weights })
  const problem = abilities?.problem ?? null
  const way = ops.runPart === undefined ? "op by op" : "blocks as graphs"
  const byOwn = products === null || typeof products === "string" ? "" : `, products by ${products.instructions}`
  return {
    backend: "tensorflow",
    ops,
    version: `TensorFlow ${binding.TF_Version} (${way}${byOwn})`,
    device: binding.isUsingGpuDevice() ? "GPU" : "CPU",
    notices: problem === null ? [] : [`TensorFlow runs blocks op by op, which takes longer: ${problem}`],
    ...(typeof products === "string" ? { paths: [`Products are TensorFlow's own: ${products}`] } : {}),
  }
}

/** Our kernels that compute products, or a sentence that says why TensorFlow's do. Null: there is no choice. */
function productKernels(
  kernels: Kernels | string | null,
  abilities: GraphAbilities | null,
  precision: StartOptions["precision"],
): Kernels | string | null {
  if (kernels === null || abilities?.problem !== null) return null
  if (typeof kernels === "string") return kernels
  if (!abilities.hasProducts) return "LLLite's do not work with this TensorFlow. Type: lllite setup tensorflow"
  if (precision === "BF16" && kernels.hasAmx) return "this CPU multiplies bfloat16 by AMX, which is faster."
  return kernels
}

/** Returns the TensorFlow that was found. @throws InputError with the installed ones that cannot be used, and advice */
export function expectFound({ found, unusable }: TensorflowSearch): TensorflowInstallation {
  if (found !== null) return found
  const seen = unusable.map(({ source, problem }) => ` ${source}: ${problem}`).join("")
  throw new InputError(
    "tensorflow-missing",
    `backend "tensorflow": no TensorFlow is installed.${seen === "" ? " Type: lllite setup tensorflow" : seen}`,
  )
}

function loadBinding({ binding, source }: TensorflowInstallation): TensorflowBinding {
  try {
    return require(binding) as TensorflowBinding
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause)
    throw new InputError(
      "tensorflow-addon",
      `backend "tensorflow": the addon of ${source} cannot be loaded: ${reason}. Type: lllite setup tensorflow`,
      { cause },
    )
  }
}
