import type { TensorInfo } from "@tensorflow/tfjs-core"
import { backend_util, slice_util, util } from "@tensorflow/tfjs-core"
import type { GuardedBackend } from "../device/backend.ts"
import type { KernelSource } from "../device/commands.ts"
import { boundTo, createTensor, isFloat32, storageOf } from "../device/tensors.ts"
import { wgslModule } from "../wgsl/module.ts"

const THREADS = 256

/**
 * A part of a tensor along one axis.
 *
 * @returns null for other parts
 */
export function slice(
  backend: GuardedBackend,
  x: TensorInfo,
  begin: number | number[],
  size: number | number[],
): TensorInfo | null {
  if (!isFloat32(backend, x)) return null
  // tfjs's own kernels give it tensors of this type, too.
  const parsed = slice_util.parseSliceParams(x as Parameters<typeof slice_util.parseSliceParams>[0], begin, size)
  const [starts = [], sizes = []] = parsed
  const cut = x.shape.flatMap((length, axis) => (sizes[axis] === length ? [] : [axis]))
  const [axis = 0] = cut
  if (cut.length > 1 || util.sizeFromShape(sizes) === 0) return null
  return part(backend, x, axis, starts[axis] ?? 0, sizes[axis] ?? 1)
}

/**
 * Cuts a tensor along an axis into parts of these lengths, or into a number of equal parts.
 *
 * @returns null for tensors that this kernel does not take
 */
export function split(
  backend: GuardedBackend,
  x: TensorInfo,
  axis: number,
  lengths: number | number[],
): TensorInfo[] | null {
  if (!isFloat32(backend, x) || util.sizeFromShape(x.shape) === 0) return null
  const along = axis < 0 ? axis + x.shape.length : axis
  const each = backend_util.prepareSplitSize(x as Parameters<typeof backend_util.prepareSplitSize>[0], lengths, along)
  if (each.some((length) => length === 0)) return null
  let end = 0
  return each.map((length) => {
    end += length
    return part(backend, x, along, end - length, length)
  })
}

/** The part of a float32 tensor from a place along an axis on. */
function part(backend: GuardedBackend, x: TensorInfo, axis: number, from: number, length: number): TensorInfo {
  const inner = util.sizeFromShape(x.shape.slice(axis + 1))
  const [width, taken, start] = [(x.shape[axis] ?? 1) * inner, length * inner, from * inner] as const
  const four = [width, taken, start].every((count) => count % 4 === 0)
  const unit = four ? 4 : 1
  const shape = x.shape.map((whole, at) => (at === axis ? length : whole))
  const count = util.sizeFromShape(shape) / unit
  const result = createTensor(backend, shape, storageOf(backend, x))
  backend.commands.record(
    kernel(four),
    [boundTo(backend, x), boundTo(backend, result)],
    [count, taken / unit, width / unit, start / unit],
    Math.ceil(count / THREADS),
  )
  return result
}

/** Copies columns of x. */
function kernel(four: boolean): KernelSource {
  const element = four ? "vec4f" : "f32"
  return {
    key: `slice, by ${four ? "four" : "one"}`,
    code: (storages) =>
      wgslModule(
        {
          params: ["count", "taken", "width", "start"],
          reads: { x: element },
          writes: { result: element },
          threads: THREADS,
          main: `let i = group * ${THREADS}u + local;
if (i >= p.count) { return; }
store_result(i, load_x(i / p.taken * p.width + p.start + i % p.taken));`,
        },
        storages,
      ),
  }
}
