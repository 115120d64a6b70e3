import { type TensorInfo, util } from "@tensorflow/tfjs-core"
import { type Storage, wgslModule } from "../wgsl/module.ts"
import type { GuardedBackend } from "./backend.ts"
import type { KernelSource } from "./commands.ts"
import { boundTo, createTensor } from "./tensors.ts"

const THREADS = 256

/** A copy of a tensor in another storage. Values beyond float16's range become infinite. */
export function stored(backend: GuardedBackend, x: TensorInfo, storage: Storage): TensorInfo {
  const result = createTensor(backend, x.shape, storage)
  const size = util.sizeFromShape(x.shape)
  const four = size % 4 === 0
  const count = four ? size / 4 : size
  if (count === 0) return result
  const buffers = [boundTo(backend, x), boundTo(backend, result)]
  backend.commands.record(four ? BY_FOUR : BY_ONE, buffers, [count], Math.ceil(count / THREADS))
  return result
}

const [BY_FOUR, BY_ONE] = [true, false].map((four): KernelSource => {
  const element = four ? "vec4f" : "f32"
  return {
    key: `copy, by ${four ? "four" : "one"}`,
    code: (storages) =>
      wgslModule(
        {
          params: ["count"],
          reads: { x: element },
          writes: { result: element },
          threads: THREADS,
          main: `let i = group * ${THREADS}u + local;
if (i < p.count) { store_result(i, load_x(i)); }`,
        },
        storages,
      ),
  }
}) as [KernelSource, KernelSource]
