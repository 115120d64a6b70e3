import { checkGiven } from "@lllite/core/names"
import { checkedVerbs, type Ops } from "@lllite/core/ops"
import { createActivations } from "./activation.ts"
import { createAttention } from "./attention.ts"
import { createConv2d } from "./conv2d.ts"
import { createDense } from "./dense.ts"
import { openHeap } from "./heap.ts"
import { startKernels } from "./kernels.ts"
import { createLinear } from "./linear.ts"
import { createNorms, loadNorm } from "./norm.ts"
import { shareClones } from "./share-clones.ts"

/**
 * Returns `base` with SIMD kernels for the ops that are slow on TensorFlow.js' WASM backend. These are products with
 * frozen and with training weights, convolutions, attention, activations and norms, with their gradients. The kernels
 * work in the backend's heap. Load weights with the loader of the result. From this call on, clones of tensors on the
 * backend share their values instead of copying them.
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
  shareClones()
  const { linear, load: loadLinear } = createLinear(heap, kernels)
  const { conv2d, load: loadConv2d } = createConv2d(heap, kernels)
  return checkedVerbs({
    ...base,
    load: { ...base.load, linear: loadLinear, conv2d: loadConv2d, norm: loadNorm },
    linear,
    conv2d,
    ...createActivations(heap, kernels),
    ...createNorms(heap, kernels),
    attention: createAttention(heap, kernels),
    dense: createDense(heap, kernels),
  })
}
