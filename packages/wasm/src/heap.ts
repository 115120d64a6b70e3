import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"

/** TensorFlow.js' WASM heap as addresses. Kernels read and write tensors in place, without copies. */
export interface Heap {
  readonly memory: WebAssembly.Memory
  /** Address of a float32 tensor's values. Read it again before every call of a kernel, since it may change. */
  address(tensor: Tensor): number
  /** A new float32 tensor whose values are not set yet. */
  create<T extends Tensor>(shape: readonly number[]): T
  /** Memory for `count` float32 values that is never freed. */
  reserve(count: number): number
  /** Calls `use` with memory for `count` float32 values, and frees it afterwards. Its values are not set. */
  withScratch(count: number, use: (address: number) => void): void
}

/** The heap of the backend in use, which must be `wasm`. */
export function openHeap(): Heap {
  const backend = tf.backend()
  if (tf.getBackend() !== "wasm" || !isWasmBackend(backend)) {
    throw new WasmOpsError(
      "backend-not-started",
      `the backend in use is "${tf.getBackend()}", expected "wasm". Call await tf.setBackend("wasm") before you create the ops.`,
    )
  }
  const memory = memoryOf(backend)
  refuseWithoutRoom(backend, memory)
  const allocate = (shape: readonly number[]): tf.TensorInfo => {
    expectInUse(backend)
    return backend.makeOutput([...shape], "float32")
  }
  return {
    memory,
    address(tensor) {
      expectInUse(backend)
      if (tensor.dtype !== "float32") throw new WasmOpsError("dtype", `a tensor is ${tensor.dtype}, expected float32.`)
      return backend.getMemoryOffset(tensor.dataId)
    },
    create: <T extends Tensor>(shape: readonly number[]) =>
      tf.engine().makeTensorFromTensorInfo(allocate(shape), backend) as T,
    reserve: (count) => backend.getMemoryOffset(allocate([count]).dataId),
    withScratch(count, use) {
      const info = allocate([count])
      try {
        use(backend.getMemoryOffset(info.dataId))
      } finally {
        backend.disposeData(info.dataId, true)
      }
    },
  }
}

function isWasmBackend(backend: tf.KernelBackend): backend is BackendWasm {
  return "getMemoryOffset" in backend && "makeOutput" in backend && "wasm" in backend
}

/** Backends that refuse what has no room. */
const guarded = new WeakSet<BackendWasm>()

/** Bytes that an address of WebAssembly reaches. */
const REACHED = 2 ** 32

/**
 * Makes the backend refuse tensors that its heap has no room for. TensorFlow.js hands the number of bytes on in 32 bits,
 * and does not look whether it got memory. So a kernel would write over other tensors, or over the allocator itself, and
 * every later call would fail.
 */
function refuseWithoutRoom(backend: BackendWasm, memory: WebAssembly.Memory): void {
  if (guarded.has(backend)) return
  guarded.add(backend)
  const move = backend.move.bind(backend)
  backend.move = (dataId, values, shape, dtype, refCount) => {
    if (dtype === "string") return move(dataId, values, shape, dtype, refCount)
    const bytes = tf.util.sizeFromShape(shape) * tf.util.bytesPerElement(dtype)
    if (bytes < REACHED) {
      // Values are written after the check, since memory that is not there has the address 0.
      move(dataId, null, shape, dtype, refCount)
      const address = backend.getMemoryOffset(dataId)
      if (bytes === 0 || address !== 0) {
        if (values === null || values === undefined) return
        const { buffer, byteOffset } = values as Float32Array
        new Uint8Array(memory.buffer).set(new Uint8Array(buffer, byteOffset, bytes), address)
        return
      }
      backend.disposeData(dataId, true)
    }
    throw new WasmOpsError(
      "heap-full",
      `no room for [${shape.join(", ")}] (${bytes} bytes) in the heap of the WASM backend, which is at ` +
        `${memory.buffer.byteLength} bytes of 4 GiB. Use a smaller batch or picture.`,
    )
  }
}

function expectInUse(backend: BackendWasm): void {
  if (tf.backend() === backend) return
  throw new WasmOpsError(
    "backend-changed",
    `the backend in use is "${tf.getBackend()}", but these ops were created on another one. Create new ops after a ` +
      "change of the backend.",
  )
}

/** The memory that the backend's module exports. The module of its build for threads imports shared memory instead. */
function memoryOf({ wasm }: BackendWasm): WebAssembly.Memory {
  const { asm, HEAPU8 } = wasm as unknown as EmscriptenModule
  for (const value of Object.values(asm ?? {})) {
    if (value instanceof WebAssembly.Memory && value.buffer === HEAPU8.buffer && value.buffer instanceof ArrayBuffer) {
      return value
    }
  }
  throw new WasmOpsError(
    "threads",
    "the WASM backend does not export its memory. Its build for threads never does. Turn threads off before the " +
      'backend starts (tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false)) or use the composed ops',
  )
}

/** The part of Emscripten's module object that TensorFlow.js' types leave out. */
interface EmscriptenModule {
  readonly HEAPU8: Uint8Array
  /** What the WebAssembly module exports. */
  readonly asm?: Readonly<Record<string, unknown>>
}
