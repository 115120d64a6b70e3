import { checkGiven } from "@lllite/core/names"
import { checkedVerbs, type Ops } from "@lllite/core/ops"
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm"
import * as tf from "@tensorflow/tfjs-core"
import { createActivations, createGegluRun } from "./activation.ts"
import { createAdaptGroup } from "./adapt-group.ts"
import { createAttention, createAttentionRun } from "./attention.ts"
import { createConv2d } from "./conv2d.ts"
import { createDense } from "./dense.ts"
import { openHeap } from "./heap.ts"
import { startKernels } from "./kernels.ts"
import { createLinear } from "./linear.ts"
import { replaceMoves } from "./moves.ts"
import { createNorms, loadNorm } from "./norm.ts"
import { shareClones } from "./share-clones.ts"

/**
 * Returns `base` with SIMD kernels for the ops that are slow on TensorFlow.js' WASM backend. These are products with
 * frozen and with training weights, convolutions, attention, activations and norms, with their gradients. The kernels
 * work in the backend's heap. Load weights with the loader of the result. From this call on, clones of tensors on the
 * backend share their values instead of copying them, and joins and cuts along one axis are kernels, too.
 *
 * The backend `wasm` must be in use at this call and whenever an op runs.
 *
 * @throws WasmOpsError if another backend is in use, if it is the build for threads, or if the machine has no
 * WebAssembly SIMD
 */
export async function createWasmOps(base: Ops): Promise<Ops> {
  checkGiven("WASM ops: the base", base, "load", "createComposedOps")
  const heap = openHeap()
  const kernels = await startKernels(heap.memory)
  kernels.setConstants(heap.reserve(kernels.constantsSize()))
  shareClones()
  replaceMoves(tf.backend() as BackendWasm, kernels)
  const attend = createAttentionRun(heap, kernels)
  const geglu = createGegluRun(heap, kernels)
  const { load: loadLinear, ...linears } = createLinear(heap, kernels, { attend, geglu })
  const { load: loadConv2d, ...convolutions } = createConv2d(heap, kernels)
  return checkedVerbs({
    ...base,
    load: { ...base.load, linear: loadLinear, conv2d: loadConv2d, norm: loadNorm },
    ...linears,
    ...convolutions,
    ...createActivations(heap, kernels, geglu),
    ...createNorms(heap, kernels),
    attention: createAttention(attend),
    ...createDense(heap, kernels),
    adaptGroup: createAdaptGroup(heap, kernels),
  })
}
