import type { TensorInfo } from "@tensorflow/tfjs-core"
import { util } from "@tensorflow/tfjs-core"
import type { GuardedBackend } from "../device/backend.ts"
import type { KernelSource } from "../device/commands.ts"
import { boundTo, commonStorage, createTensor, isFloat32 } from "../device/tensors.ts"
import { wgslModule } from "../wgsl/module.ts"

const THREADS = 256

/** Tensors that one dispatch joins. With the result and the uniform, these are the buffers that every device binds. */
const SOURCES = 6

/**
 * Joins tensors along an axis.
 *
 * @returns null for tensors that this kernel does not take
 */
export function concat(backend: GuardedBackend, tensors: readonly TensorInfo[], axis: number): TensorInfo | null {
  const parts = tensors.filter(({ shape }) => util.sizeFromShape(shape) > 0)
  const [first] = parts
  if (first === undefined || parts.length < 2 || !parts.every((part) => isFloat32(backend, part))) return null
  const along = axis < 0 ? axis + first.shape.length : axis
  const rows = util.sizeFromShape(first.shape.slice(0, along))
  const inner = util.sizeFromShape(first.shape.slice(along + 1))
  const lengths = parts.map(({ shape }) => shape[along] ?? 0)
  const shape = first.shape.map((size, at) => (at === along ? lengths.reduce((sum, length) => sum + length, 0) : size))
  const four = lengths.every((length) => (length * inner) % 4 === 0)
  const widths = lengths.map((length) => (length * inner) / (four ? 4 : 1))
  const total = widths.reduce((sum, width) => sum + width, 0)
  const result = createTensor(backend, shape, commonStorage(backend, parts))
  let from = 0
  for (let start = 0; start < parts.length; start += SOURCES) {
    const joined = widths.slice(start, start + SOURCES)
    const width = joined.reduce((sum, more) => sum + more, 0)
    backend.commands.record(
      kernel(joined.length, four),
      [...parts.slice(start, start + SOURCES), result].map((tensor) => boundTo(backend, tensor)),
      [rows * width, width, total, from, ...joined],
      Math.ceil((rows * width) / THREADS),
    )
    from += width
  }
  return result
}

/** Copies rows of several sources side by side into columns of the result. */
function kernel(count: number, four: boolean): KernelSource {
  const sources = Array.from({ length: count }, (_, i) => i)
  const element = four ? "vec4f" : "f32"
  return {
    key: `concat ${count}, by ${four ? "four" : "one"}`,
    code: (storages) =>
      wgslModule(
        {
          params: ["count", "width", "total", "start", ...sources.map((i) => `width${i}`)],
          reads: Object.fromEntries(sources.map((i) => [`source${i}`, element])),
          writes: { result: element },
          threads: THREADS,
          main: `let i = group * ${THREADS}u + local;
if (i >= p.count) { return; }
let row = i / p.width;
var column = i % p.width;
let to = row * p.total + p.start + column;
${sources
  .map((i) =>
    i === count - 1
      ? `store_result(to, load_source${i}(row * p.width${i} + column));`
      : `if (column < p.width${i}) { store_result(to, load_source${i}(row * p.width${i} + column)); return; }
column -= p.width${i};`,
  )
  .join("\n")}`,
        },
        storages,
      ),
  }
}
