import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm"
import * as tf from "@tensorflow/tfjs-core"
import type { Kernels } from "./kernels.ts"

type KernelFunc = tf.KernelConfig["kernelFunc"]

/** TensorFlow.js' own kernels, by their names. */
const stock = new Map<string, KernelFunc>()

/** Bytes of the values that are moved. */
const VALUE = 4

/**
 * Makes joins, cuts and repeats along one axis one call of a kernel for each piece. The backend's own joins and cuts are
 * loops of JavaScript, and a cut copies all of the tensor first. Its repeats find the place of every value on its own. Any
 * other kind of join, cut or repeat stays as it is.
 */
export function replaceMoves(backend: BackendWasm, kernels: Kernels): void {
  /** Copies rows from one tensor to another. Starts and steps are in values. */
  const copy = (
    from: tf.TensorInfo,
    to: tf.TensorInfo,
    move: { readonly count: number; readonly length: number; readonly read: Place; readonly written: Place },
  ): void => {
    const address = (info: tf.TensorInfo, { start }: Place): number =>
      backend.getMemoryOffset(info.dataId) + VALUE * start
    const { count, length, read, written } = move
    const source = [address(from, read), VALUE * read.step] as const
    kernels.copyRows(...source, address(to, written), VALUE * written.step, VALUE * length, count)
  }
  const cut = (x: tf.TensorInfo, axis: number, start: number, length: number): tf.TensorInfo => {
    const shape = x.shape.map((side, at) => (at === axis ? length : side))
    const inner = sizeOf(x.shape.slice(axis + 1))
    const y = backend.makeOutput(shape, x.dtype)
    copy(x, y, {
      ...{ count: sizeOf(x.shape.slice(0, axis)), length: length * inner },
      read: { start: start * inner, step: (x.shape[axis] ?? 0) * inner },
      written: { start: 0, step: length * inner },
    })
    return y
  }
  replace("Slice", (call, own) => {
    const { x } = call.inputs as { x: tf.TensorInfo }
    const { begin, size } = call.attrs as unknown as tf.SliceAttrs
    const [from = [], shape = []] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size)
    const axes = x.shape.flatMap((length, axis) => (length === shape[axis] ? [] : [axis]))
    const [axis] = axes
    if (call.backend !== backend || axis === undefined || axes.length > 1 || !isMoved(x, shape)) return own(call)
    return cut(x, axis, from[axis] ?? 0, shape[axis] ?? 0)
  })
  replace("SplitV", (call, own) => {
    const { x } = call.inputs as { x: tf.TensorInfo }
    const { numOrSizeSplits, axis: given } = call.attrs as unknown as tf.SplitVAttrs
    const [axis = 0] = tf.util.parseAxisParam(given, x.shape)
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, axis)
    if (call.backend !== backend || sizes.includes(0) || !isMoved(x, x.shape)) return own(call)
    let start = 0
    return sizes.map((size) => {
      start += size
      return cut(x, axis, start - size, size)
    })
  })
  replace("Tile", (call, own) => {
    const { x } = call.inputs as { x: tf.TensorInfo }
    const { reps } = call.attrs as unknown as tf.TileAttrs
    const axes = reps.flatMap((times, axis) => (times === 1 ? [] : [axis]))
    const [axis] = axes
    const isAlong = axis !== undefined && axes.length === 1 && reps.length === x.shape.length
    if (call.backend !== backend || !isAlong || !isMoved(x, x.shape)) return own(call)
    const times = reps[axis] ?? 1
    const y = backend.makeOutput(
      x.shape.map((side, at) => (at === axis ? side * times : side)),
      x.dtype,
    )
    const length = sizeOf(x.shape.slice(axis))
    const count = sizeOf(x.shape.slice(0, axis))
    for (let i = 0; i < times; i++) {
      const written = { start: i * length, step: times * length }
      copy(x, y, { count, length, read: { start: 0, step: length }, written })
    }
    return y
  })
  replace("Concat", (call, own) => {
    const inputs = Object.values(call.inputs) as tf.TensorInfo[]
    const [first] = inputs
    const { axis: given } = call.attrs as unknown as tf.ConcatAttrs
    if (first === undefined || call.backend !== backend) return own(call)
    const [axis = 0] = tf.util.parseAxisParam(given, first.shape)
    const isSame = inputs.every(({ dtype, shape }) => dtype === first.dtype && shape.length === first.shape.length)
    if (!isSame || inputs.some((input) => !isMoved(input, input.shape))) return own(call)
    const shapes = inputs.map(({ shape }) => shape)
    tf.backend_util.assertParamsConsistent(shapes, axis)
    const y = backend.makeOutput(tf.backend_util.computeOutShape(shapes, axis), first.dtype)
    const step = sizeOf(y.shape.slice(axis))
    let start = 0
    for (const x of inputs) {
      const length = sizeOf(x.shape.slice(axis))
      const count = sizeOf(x.shape.slice(0, axis))
      copy(x, y, { count, length, read: { start: 0, step: length }, written: { start, step } })
      start += length
    }
    return y
  })
}

/** The first row of a tensor, and the distance to the next, in values. */
interface Place {
  readonly start: number
  readonly step: number
}

const sizeOf = (shape: readonly number[]): number => tf.util.sizeFromShape([...shape])

/** Whether there are values of four bytes to move. */
function isMoved({ dtype }: tf.TensorInfo, shape: readonly number[]): boolean {
  return (dtype === "float32" || dtype === "int32") && sizeOf(shape) > 0
}

type Call = Parameters<KernelFunc>[0]

/** Registers a kernel in place of TensorFlow.js' own, which it gets as `own`. */
function replace(kernelName: string, run: (call: Call, own: KernelFunc) => tf.TensorInfo | tf.TensorInfo[]): void {
  const own = stock.get(kernelName) ?? tf.getKernel(kernelName, "wasm").kernelFunc
  stock.set(kernelName, own)
  tf.unregisterKernel(kernelName, "wasm")
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc: (call) => run(call, own) })
}
