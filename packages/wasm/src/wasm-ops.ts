import type { Ops } from "@lllite/core"
import { createActivations } from "./activation.ts"
import { createAttention } from "./attention.ts"
import { createDense } from "./dense.ts"
import { openHeap } from "./heap.ts"
import { startKernels } from "./kernels.ts"
import { createNorms, loadNorm } from "./norm.ts"

/**
 * `base` with the verbs replaced that TensorFlow.js' WASM backend is slow at: attention, activations, norms
 * and the products of an adapter, with their gradients, as SIMD kernels that work in the backend's own heap. Load weights with the result's loader.
 *
 * The backend `wasm` must be in use, then and whenever an op runs. Throws `WasmOpsError` if it is not, if it is the
 * build for threads, or if the machine has no WebAssembly SIMD.
 */
export async function createWasmOps(base: Ops): Promise<Ops> {
  const heap = openHeap()
  const kernels = await startKernels(heap.memory)
  return {
    ...base,
    load: { ...base.load, norm: loadNorm },
    ...createActivations(heap, kernels),
    ...createNorms(heap, kernels),
    attention: createAttention(heap, kernels),
    dense: createDense(heap, kernels),
  }
}
