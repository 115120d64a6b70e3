import type { Tensor, TensorInfo } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Ops, Weight, WeightLoader } from "../src/ops/ops.ts"
import { vjp } from "../src/ops/vjp.ts"
import type { WeightEntry } from "../src/ops/weight-entry.ts"

/*
 * A backend whose tensors have shapes and nothing else: networks of real size run on it in no memory, forward and back,
 * and it says how large everything on the way is. Values that are read are zeros.
 */

/** A tensor that was made. */
export interface Made {
  readonly shape: readonly number[]
  readonly bytes: number
}

class ShapeBackend extends tf.KernelBackend {
  readonly made: Made[] = []
  readonly #held = new Map<object, { refs: number; size: number }>()

  make(shape: readonly number[], dtype: tf.DataType = "float32"): TensorInfo {
    return { dataId: this.write(null, [...shape], dtype), shape: [...shape], dtype }
  }
  override write(_: unknown, shape: number[], __: tf.DataType): object {
    const dataId = {}
    const size = tf.util.sizeFromShape(shape)
    this.made.push({ shape, bytes: 4 * size })
    this.#held.set(dataId, { refs: 1, size })
    return dataId
  }
  override move(dataId: object, values: unknown, shape: number[], dtype: tf.DataType, refs: number): void {
    this.#held.set(dataId, { refs, size: tf.util.sizeFromShape(shape) })
    void [values, dtype]
  }
  override async read(dataId: object): Promise<Float32Array> {
    return this.readSync(dataId)
  }
  override readSync(dataId: object): Float32Array {
    return new Float32Array(this.#held.get(dataId)?.size ?? 0)
  }
  override refCount(dataId: object): number {
    return this.#held.get(dataId)?.refs ?? 0
  }
  override incRef(dataId: object): void {
    const held = this.#held.get(dataId)
    if (held !== undefined) held.refs += 1
  }
  decRef(dataId: object): void {
    const held = this.#held.get(dataId)
    if (held !== undefined) held.refs -= 1
  }
  override disposeData(dataId: object, force = false): boolean {
    this.decRef(dataId)
    if (!force && this.refCount(dataId) > 0) return false
    this.#held.delete(dataId)
    return true
  }
  override numDataIds(): number {
    return this.#held.size
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true }
  }
  override floatPrecision(): 32 {
    return 32
  }
  override epsilon(): number {
    return 1e-7
  }
  override timerAvailable(): boolean {
    return false
  }
  override dispose(): void {}
}

interface Call {
  readonly inputs: Readonly<Record<string, TensorInfo>>
  readonly attrs: Readonly<Record<string, unknown>>
}

/** The shape of a kernel's result. */
type ShapeOf = (call: Call) => readonly number[]

const first: ShapeOf = ({ inputs }) => (Object.values(inputs)[0] as TensorInfo).shape
const broadcast: ShapeOf = ({ inputs: { a, b } }) =>
  tf.broadcast_util.assertAndGetBroadcastShape((a as TensorInfo).shape, (b as TensorInfo).shape)

/** The kernels of tfjs that the U-Net, its adapters and their gradients use besides the verbs of `Ops`. */
const KERNELS: Readonly<Record<string, ShapeOf>> = {
  Add: broadcast,
  Multiply: broadcast,
  Relu: first,
  OnesLike: first,
  ZerosLike: first,
  Fill: ({ attrs }) => attrs.shape as number[],
  Concat: ({ inputs, attrs }) =>
    tf.backend_util.computeOutShape(
      Object.values(inputs).map(({ shape }) => shape),
      attrs.axis as number,
    ),
  Pack: ({ inputs }) => [Object.keys(inputs).length, ...first({ inputs, attrs: {} })],
  Slice: ({ attrs }) => attrs.size as number[],
  Sum: ({ inputs, attrs }) => {
    const { shape } = inputs.x as TensorInfo
    const axes = tf.util.parseAxisParam(attrs.axis as number[], shape)
    return shape.flatMap((size, axis) => (!axes.includes(axis) ? [size] : attrs.keepDims ? [1] : []))
  },
  Tile: ({ inputs, attrs }) => {
    const reps = attrs.reps as number[]
    return (inputs.x as TensorInfo).shape.map((size, axis) => size * (reps[axis] ?? 1))
  },
}

/** Starts the backend. `made` fills as tensors are made. */
export async function startShapes(): Promise<{ readonly made: Made[]; readonly ops: Ops }> {
  const backend = new ShapeBackend()
  if (tf.findBackendFactory("shapes") !== null) tf.removeBackend("shapes")
  tf.registerBackend("shapes", () => backend)
  for (const [kernelName, shapeOf] of Object.entries(KERNELS)) {
    tf.registerKernel({
      ...{ kernelName, backendName: "shapes" },
      kernelFunc: (call) => backend.make(shapeOf(call as unknown as Call)),
    })
  }
  // What lies in memory stays there.
  for (const kernelName of ["Reshape", "Identity", "Cast"]) {
    tf.registerKernel({
      ...{ kernelName, backendName: "shapes" },
      kernelFunc: ({ inputs, attrs }) => {
        const { dataId, shape, dtype } = inputs.x as TensorInfo
        backend.incRef(dataId)
        const wanted = (attrs?.shape as number[] | undefined) ?? shape
        return { dataId, dtype, shape: tf.util.inferFromImplicitShape(wanted, tf.util.sizeFromShape(shape)) }
      },
    })
  }
  tf.registerKernel({
    ...{ kernelName: "SplitV", backendName: "shapes" },
    kernelFunc: ({ inputs, attrs }) => {
      const { shape } = inputs.x as TensorInfo
      const axis = tf.util.parseAxisParam(attrs?.axis as number, shape)[0] as number
      const sizes = tf.backend_util.prepareSplitSize(inputs.x as Tensor, attrs?.numOrSizeSplits as number[], axis)
      return sizes.map((size) => backend.make(shape.map((whole, at) => (at === axis ? size : whole))))
    },
  })
  await tf.setBackend("shapes")
  return { made: backend.made, ops: shapeOps(backend) }
}

function shapeOps(backend: ShapeBackend): Ops {
  const make = <T extends Tensor>(shape: readonly number[]): T =>
    tf.engine().makeTensorFromTensorInfo(backend.make(shape), backend) as T
  /** A verb whose gradients have its inputs' shapes. */
  const verb = <T extends Tensor>(inputs: readonly Tensor[], shape: readonly number[]): T =>
    vjp(inputs, () => ({
      value: make<T>(shape),
      saved: [],
      gradients: () => inputs.map((input) => make(input.shape)),
    }))
  const lastAxis = (x: Tensor, size: number): number[] => [...x.shape.slice(0, -1), size]
  const out = ({ shape }: Weight): number => shape[0] as number
  const same = <T extends Tensor>(x: T): T => verb([x], x.shape)
  return {
    load,
    linear: (x, weight) => verb([x], lastAxis(x, out(weight))),
    conv2d: (x, weight, { stride, padding: [top, bottom, left, right] }) => {
      const [n, height, width] = x.shape
      const [kernelHeight, kernelWidth] = weight.shape.slice(2) as [number, number]
      const rows = Math.floor((height + top + bottom - kernelHeight) / stride) + 1
      const columns = Math.floor((width + left + right - kernelWidth) / stride) + 1
      return verb([x], [n, rows, columns, out(weight)])
    },
    groupNorm: same,
    layerNorm: same,
    lookUp: (table, indices) => make([indices.length, indices[0]?.length ?? 0, table.shape[1] as number]),
    attention: (q, k, v) => verb([q, k, v], q.shape),
    geglu: (h) => verb([h], lastAxis(h, (h.shape[h.rank - 1] as number) / 2)),
    silu: same,
    gelu: same,
    quickGelu: same,
    relu: same,
    upsample2x: (x) => verb([x], [x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]]),
    dense: (x, weight, bias, { inputGradient } = { inputGradient: true }) =>
      verb(
        [inputGradient ? x : null, weight, bias].filter((tensor) => tensor !== null),
        lastAxis(x, weight.shape[1] as number),
      ),
  }
}

const load: WeightLoader = (() => {
  const weight =
    <K extends string>(kind: K) =>
    async ({ shape }: WeightEntry) => ({ kind, shape, bytes: 0, dispose: () => {} })
  return { linear: weight("linear"), conv2d: weight("conv2d"), norm: weight("norm"), table: weight("table") }
})()
