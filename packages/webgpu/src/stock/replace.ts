import type { KernelFunc, NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { type GuardedBackend, isGuardedBackend } from "../device/backend.ts"
import { binary, type Operator } from "./binary.ts"
import { concat } from "./concat.ts"
import { slice, split } from "./slice.ts"

/** Computes one of tfjs's kernels, or gives null for inputs that it does not take. */
type Kernel = (
  backend: GuardedBackend,
  inputs: Readonly<Record<string, TensorInfo>>,
  attrs: NamedAttrMap,
) => TensorInfo | TensorInfo[] | null

const binaryBy =
  (operator: Operator): Kernel =>
  (backend, { a, b }) =>
    a === undefined || b === undefined ? null : binary(backend, operator, a, b)

/**
 * tfjs's kernels that networks use between this package's verbs. tfjs records its commands apart from ours. So where
 * the two alternate, every command is submitted alone.
 */
const KERNELS: Readonly<Record<string, Kernel>> = {
  [tf.Add]: binaryBy("+"),
  [tf.Sub]: binaryBy("-"),
  [tf.Multiply]: binaryBy("*"),
  [tf.Concat]: (backend, inputs, { axis }) => concat(backend, Object.values(inputs), Number(axis)),
  [tf.SplitV]: (backend, { x }, { axis, numOrSizeSplits }) =>
    x === undefined ? null : split(backend, x, Number(axis), numOrSizeSplits as number | number[]),
  [tf.Slice]: (backend, { x }, { begin, size }) =>
    x === undefined ? null : slice(backend, x, begin as number[], size as number[]),
}

const replaced = new WeakSet<KernelFunc>()

/**
 * Replaces kernels of tfjs's WebGPU backend by ones that record with this package's commands. They act on backends of
 * `startWebgpu` alone. tfjs's own kernels compute what these do not take, and on other backends everything.
 */
export function replaceStockKernels(): void {
  for (const [kernelName, own] of Object.entries(KERNELS)) {
    const stock = tf.getKernel(kernelName, "webgpu")
    if (stock === undefined || replaced.has(stock.kernelFunc)) continue
    const kernelFunc: KernelFunc = (params) => {
      const { backend, attrs = {} } = params
      const inputs = params.inputs as Readonly<Record<string, TensorInfo>>
      if (!isGuardedBackend(backend) || backend.shouldExecuteOnCPU(Object.values(inputs)))
        return stock.kernelFunc(params)
      return own(backend, inputs, attrs) ?? stock.kernelFunc(params)
    }
    replaced.add(kernelFunc)
    tf.unregisterKernel(kernelName, "webgpu")
    tf.registerKernel({ ...stock, kernelFunc })
  }
}
