import type { DataType, KernelConfig, NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core"
import { backend_util, slice_util, util } from "@tensorflow/tfjs-core"

/** The backend's name. */
export const OUTLINE = "lllite-outline"

/** What the kernels need from the backend that they run on. */
export interface OutlineHost {
  /** A tensor without values. */
  makeOutput(shape: readonly number[], dtype?: DataType, isHalf?: boolean): TensorInfo
  /** Whether the values of one of these tensors are stored in float16. */
  isHalf(...tensors: readonly Pick<TensorInfo, "dataId">[]): boolean
  /** Bytes of all values of tensors together. */
  bytesOf(...tensors: readonly Pick<TensorInfo, "dataId">[]): number
  /** Counts the work of one call. */
  count(kind: string, flops: number, bytes: number): void
  /** Counts one more reference to a tensor's memory. */
  incRef(dataId: TensorInfo["dataId"]): void
}

type Attributes = Readonly<Record<string, unknown>>
/** Inputs by their names, or by their indices for kernels that take any number of them. */
type Inputs = Readonly<Record<string, TensorInfo>>
type Shape = readonly number[]

/** Kernels whose result is as large as their first input. */
const SAME = [
  ...["Abs", "ClipByValue", "Erf", "Exp", "Log", "Neg", "OnesLike", "Relu", "Reverse", "Rsqrt", "Sigmoid", "Softmax"],
  ...["Sqrt", "Square", "Step", "Tanh", "ZerosLike"],
]

/** Kernels of two inputs that are broadcast to each other's shape. */
const PAIRS = [
  ...["Add", "Equal", "Greater", "GreaterEqual", "Less", "LogicalAnd", "Maximum", "Minimum", "Multiply", "Pow"],
  ...["RealDiv", "SquaredDifference", "Sub"],
]

/** Kernels whose results are in float16 where an input is. See `Ops.narrow`. */
const KEEPING: readonly string[] = ["Add", "Sub", "Multiply", "Concat", "SplitV", "Slice"]

/** Kernels that return a list. */
const SEVERAL: readonly string[] = ["SplitV", "Unpack"]

/** Kernels that return a view of their input. */
const VIEWS = ["Identity", "Reshape", "ExpandDims", "Cast"]

/** Kernels that compute the result shapes of the plain ops that core uses. */
export function outlineKernels(): readonly KernelConfig[] {
  return [
    ...SAME.map((name) => kernel(name, (inputs) => [first(inputs).shape])),
    ...PAIRS.map((name) =>
      kernel(name, ({ a, b }) => [backend_util.assertAndGetBroadcastShape(shapeOf(a), shapeOf(b))]),
    ),
    ...VIEWS.map(view),
    kernel("AddN", (inputs) => [first(inputs).shape]),
    kernel("Fill", (_, { shape }) => [shape as Shape]),
    kernel("Concat", (inputs, { axis }) => {
      const shapes = Object.values(inputs).map(({ shape }) => shape)
      return [
        backend_util.computeOutShape(shapes, util.parseAxisParam(axis as number, shapes[0] as number[])[0] as number),
      ]
    }),
    kernel("SplitV", ({ x }, { numOrSizeSplits, axis }) => {
      const along = util.parseAxisParam(axis as number, shapeOf(x))[0] as number
      const sizes = backend_util.prepareSplitSize(x as never, numOrSizeSplits as number | number[], along)
      return sizes.map((size) => shapeOf(x).map((length, at) => (at === along ? size : length)))
    }),
    kernel("Slice", ({ x }, { begin, size }) => {
      const [, sizes] = slice_util.parseSliceParams(x as never, begin as number[], size as number[])
      return [sizes as Shape]
    }),
    kernel("Pack", (inputs, { axis }) => {
      const list = Object.values(inputs)
      const { shape } = first(inputs)
      return [[...shape.slice(0, axis as number), list.length, ...shape.slice(axis as number)]]
    }),
    kernel("Unpack", ({ value }, { axis }) => {
      const shape = shapeOf(value)
      const rest = shape.filter((_, at) => at !== (axis as number))
      return Array.from({ length: shape[axis as number] ?? 0 }, () => rest)
    }),
    kernel("Tile", ({ x }, { reps }) => [shapeOf(x).map((length, at) => length * ((reps as number[])[at] ?? 1))]),
    kernel("PadV2", ({ x }, { paddings }) => [
      shapeOf(x).map((length, at) => {
        const [before, after] = (paddings as [number, number][])[at] ?? [0, 0]
        return before + length + after
      }),
    ]),
    kernel("Transpose", ({ x }, { perm }) => [(perm as number[]).map((axis) => shapeOf(x)[axis] as number)]),
    kernel("GatherV2", ({ x, indices }, { axis }) => {
      const [shape, at] = [shapeOf(x), axis as number]
      return [[...shape.slice(0, at), ...shapeOf(indices), ...shape.slice(at + 1)]]
    }),
    kernel("BatchMatMul", ({ a, b }, { transposeA, transposeB }) => {
      const [left, right] = [shapeOf(a), shapeOf(b)]
      const rows = left.at(transposeA === true ? -1 : -2) as number
      const columns = right.at(transposeB === true ? -2 : -1) as number
      const batch = backend_util.assertAndGetBroadcastShape(left.slice(0, -2), right.slice(0, -2))
      return [[...batch, rows, columns]]
    }),
    ...["Max", "Mean", "Min", "Sum"].map((name) =>
      kernel(name, ({ x }, { axis, keepDims }) => {
        const axes = util.parseAxisParam(axis as number | number[], shapeOf(x))
        const shape = shapeOf(x).map((length, at) => (axes.includes(at) ? 1 : length))
        return [keepDims === true ? shape : shape.filter((_, at) => !axes.includes(at))]
      }),
    ),
  ]
}

/** A kernel from a function that returns its result shapes. */
function kernel(kernelName: string, shapes: (inputs: Inputs, attrs: Attributes) => readonly Shape[]): KernelConfig {
  return {
    kernelName,
    backendName: OUTLINE,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const outline = backend as OutlineHost
      const read = Object.values(inputs as NamedTensorInfoMap).filter((tensor) => tensor !== undefined)
      const isHalf = KEEPING.includes(kernelName) && outline.isHalf(...read)
      const made = shapes(inputs as Inputs, (attrs ?? {}) as Attributes).map((shape) =>
        outline.makeOutput(shape, "float32", isHalf),
      )
      const written = made.reduce((sum, { shape }) => sum + util.sizeFromShape(shape), 0)
      outline.count("elementwise", written, outline.bytesOf(...read, ...made))
      return SEVERAL.includes(kernelName) ? made : (made[0] as TensorInfo)
    },
  }
}

interface ViewAttributes {
  readonly shape?: number[]
  readonly dim?: number
  readonly dtype?: DataType
}

function view(kernelName: string): KernelConfig {
  return {
    kernelName,
    backendName: OUTLINE,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { dataId, shape: inputShape, dtype } = first(inputs as Inputs)
      const { shape, dim, dtype: to = dtype } = (attrs ?? {}) as ViewAttributes
      ;(backend as OutlineHost).incRef(dataId)
      const size = util.sizeFromShape(inputShape)
      const seen = shape !== undefined ? util.inferFromImplicitShape(shape, size) : inputShape.slice()
      if (dim !== undefined) seen.splice(dim < 0 ? inputShape.length + dim + 1 : dim, 0, 1)
      return { dataId, shape: seen, dtype: to }
    },
  }
}

function first(inputs: Inputs): TensorInfo {
  return Object.values(inputs)[0] as TensorInfo
}

function shapeOf(tensor: TensorInfo | undefined): number[] {
  return (tensor as TensorInfo).shape
}
