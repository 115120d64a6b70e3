import type { Ops } from "@lllite/core/ops"
import { checkedVerbs, createComposedOps } from "@lllite/core/ops"
import type { WeightDtype } from "../../backends/names.ts"
import { createPartRunner } from "../graph/part-runner.ts"
import type { GraphAbilities } from "../graph/trial.ts"
import { tryGraphs } from "../graph/trial.ts"
import { attention } from "./attention.ts"
import { createConv2d } from "./conv2d.ts"
import { openDevice, recordableBackend } from "./device.ts"
import { geglu } from "./geglu.ts"
import type { ComputeType } from "./multiply.ts"
import { createMultiply } from "./multiply.ts"
import { groupNorm, layerNorm } from "./norm.ts"
import { createProducts } from "./products.ts"
import { createRelu } from "./relu.ts"
import { createLoader, lookUp } from "./weights.ts"

export interface TensorflowOpsOptions {
  /** Number type in which products with frozen weights are computed. Default: `F32` */
  readonly compute?: ComputeType
  /** Number type in which frozen weights are held. `F16` and `BF16` round the file's float32. Default: the file's, `file` */
  readonly weights?: WeightDtype
  /** What TensorFlow can do with graphs, see `graphAbilities`. Null: parts run op by op. Default: null. */
  readonly graphs?: GraphAbilities | null
}

/**
 * Ops on TensorFlow, which must be the backend in use. Frozen weights that have 16 bits in the file are held in 16
 * bits, unless `weights` is F32. Attention never holds the scores of all queries at once.
 */
export function createTensorflowOps({
  compute = "F32",
  weights = "file",
  graphs = null,
}: TensorflowOpsOptions = {}): Ops {
  const device = openDevice()
  const hasOwn = graphs?.hasProducts === true
  // Graphs are made of TensorFlow's ops, and get our own products when they are loaded.
  const isRecording = recordableBackend()?.binding.isRecording ?? (() => false)
  const multiply = createMultiply(device, compute, () => hasOwn && !isRecording())
  return checkedVerbs({
    ...createComposedOps(),
    ...graphVerbs(graphs),
    load: createLoader(device, weights),
    ...createProducts(device, multiply),
    relu: createRelu(device),
    conv2d: createConv2d(device, multiply, compute, { hasOwn }),
    attention,
    geglu,
    groupNorm,
    layerNorm,
    lookUp,
  })
}

/** What the backend in use can do with graphs. */
export function graphAbilities(): GraphAbilities {
  const backend = recordableBackend()
  if (backend !== null) return tryGraphs(backend.binding)
  return { problem: "another program registered the backend", hasLayerNorm: false, hasProducts: false }
}

function graphVerbs(graphs: GraphAbilities | null): Pick<Ops, "runPart"> {
  const backend = recordableBackend()
  return backend === null || graphs?.problem !== null ? {} : { runPart: createPartRunner(backend, graphs) }
}
