import type { TensorInfo } from "@tensorflow/tfjs-core"
import { backend_util, slice_util, util } from "@tensorflow/tfjs-core"
import type { GuardedBackend } from "../device/backend.ts"
import type { KernelSource } from "../device/commands.ts"
import { bufferOf, createTensor, isFloat32 } from "../device/tensors.ts"
import { WebgpuOpsError } from "../errors.ts"
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
  const count = util.sizeFromShape(sizes)
  if (cut.length > 1 || count === 0) return null
  const inner = util.sizeFromShape(x.shape.slice(axis + 1))
  const [width, taken, from] = [x.shape[axis], sizes[axis], starts[axis]].map((length) => (length ?? 0) * inner) as [
    number,
    number,
    number,
  ]
  const four = [width, taken, from].every((length) => length % 4 === 0)
  const unit = four ? 4 : 1
  const result = createTensor(backend, sizes)
  backend.commands.record(
    kernel(four),
    [bufferOf(backend, x), bufferOf(backend, result)],
    [count / unit, taken / unit, width / unit, from / unit],
    Math.ceil(count / unit / THREADS),
  )
  return result
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
  let from = 0
  return each.map((length) => {
    const begin = x.shape.map((_, at) => (at === along ? from : 0))
    from += length
    const part = slice(
      backend,
      x,
      begin,
      x.shape.map((whole, at) => (at === along ? length : whole)),
    )
    if (part === null)
      throw new WebgpuOpsError("shape", `split: x is [${x.shape.join(", ")}], cut into [${each.join(", ")}]`)
    return part
  })
}

/** Copies columns of x. */
function kernel(four: boolean): KernelSource {
  const element = four ? "vec4f" : "f32"
  return {
    key: `slice, by ${four ? "four" : "one"}`,
    code: () =>
      wgslModule({
        params: ["count", "taken", "width", "start"],
        reads: { x: element },
        writes: { result: element },
        threads: THREADS,
        main: `let i = group * ${THREADS}u + local;
if (i >= p.count) { return; }
result[i] = x[i / p.taken * p.width + p.start + i % p.taken];`,
      }),
  }
}
