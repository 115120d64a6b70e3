import type { DataType, KernelConfig, TensorInfo } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { POOLED_BYTES, ROOM_BYTES, TRIMMED_BYTES } from "../ops/ops.ts"
import { shareBuffers, type TensorLife } from "../ops/share-buffers.ts"
import type { OutlineHost } from "./outline-kernels.ts"
import { OUTLINE, outlineKernels } from "./outline-kernels.ts"

type DataId = TensorInfo["dataId"]

/** Bytes that a device held during a run. */
export interface Holding {
  /** At its beginning. */
  readonly startBytes: number
  /** At most. */
  readonly peakBytes: number
  /** Of the largest tensor. */
  readonly largestBytes: number
}

/** Arithmetic and traffic of one kind of op. */
export interface Work {
  readonly calls: number
  /** Floating-point operations: a multiplication and an addition are two. */
  readonly flops: number
  /** Bytes read and written, if every op reads its inputs once and writes its results once. */
  readonly bytes: number
}

/** Bytes of a value of float32, int32 and, on most devices, bool. And of one that is stored in float16. */
const VALUE_BYTES = 4
const HALF_BYTES = 2

/** The memory of a tensor. */
interface Piece {
  readonly bytes: number
  readonly size: number
  readonly isHalf: boolean
  refs: number
}

type Life = { -readonly [K in keyof TensorLife]: TensorLife[K] }

/**
 * A backend of TensorFlow.js that computes shapes and no values. It counts the memory that code takes and frees.
 * Tensors, scopes and tapes are TensorFlow.js' own. Reading a tensor gives zeros.
 */
export class OutlineBackend extends tf.KernelBackend implements OutlineHost {
  readonly #data = new Map<DataId, Piece>()
  /** Idle pieces by their bytes. The ones that were used last come last. */
  readonly #idle = new Map<number, number>()
  /** Bytes of the buffers through which tensors were read. A pool keeps them apart from those of tensors. */
  readonly #readBuffers = new Set<number>()
  readonly #work = new Map<string, { calls: number; flops: number; bytes: number }>()
  readonly #isPooled: boolean
  #pooledBytes = POOLED_BYTES
  /** Lives of the pieces of a pass that is being recorded, and those that have not ended. */
  #lives: Life[] | null = null
  readonly #openLives = new Map<DataId, Life>()
  #clock = 0
  /** Bytes of the buffers of records. */
  #recordBuffers: readonly number[] = []
  #held = 0
  #idleBytes = 0
  /** Bytes of tensors, and the most of them since the last trim. */
  #tensorBytes = 0
  #mostTensorBytes = 0
  #start = 0
  #peak = 0
  #largest = 0

  /** @param isPooled whether the memory of a disposed tensor is kept for others of the same size, until `trim` */
  constructor(isPooled: boolean) {
    super()
    this.#isPooled = isPooled
  }

  /** A tensor without values, which may be stored in float16. */
  makeOutput(shape: readonly number[], dtype: DataType = "float32", isHalf = false): TensorInfo {
    const dataId = {}
    const size = tf.util.sizeFromShape([...shape])
    this.#take(dataId, size, { isHalf })
    return { dataId, shape: [...shape], dtype }
  }

  /** Whether the values of one of these tensors are stored in float16. */
  isHalf(...tensors: readonly Pick<TensorInfo, "dataId">[]): boolean {
    return tensors.some(({ dataId }) => this.#data.get(dataId)?.isHalf === true)
  }

  /** Bytes of all values of tensors together. */
  bytesOf(...tensors: readonly Pick<TensorInfo, "dataId">[]): number {
    return tensors.reduce((sum, { dataId }) => sum + (this.#data.get(dataId)?.bytes ?? 0), 0)
  }

  /** Counts memory that belongs to no tensor, such as a weight's. Call the returned function to free it. */
  hold(bytes: number): () => void {
    this.#grow(bytes)
    return () => {
      this.#held -= bytes
    }
  }

  /** Counts what an op does. */
  count(kind: string, flops: number, bytes: number): void {
    const before = this.#work.get(kind) ?? { calls: 0, flops: 0, bytes: 0 }
    this.#work.set(kind, { calls: before.calls + 1, flops: before.flops + flops, bytes: before.bytes + bytes })
  }

  /** Bounds the bytes of all pieces, idle ones included. See `Ops.pool`. */
  pool(bytes: number): void {
    this.#pooledBytes = bytes
  }

  /** Notes when pieces are taken and freed from now on. */
  startRecording(): void {
    this.#lives = []
    this.#openLives.clear()
  }

  /** Takes what a record needs for the pieces that were noted, in buffers that all records share. */
  keepRecorded(): void {
    const { buffers } = shareBuffers(this.#lives ?? [], this.#recordBuffers)
    for (const bytes of buffers.slice(this.#recordBuffers.length)) this.#takePiece(bytes)
    this.#recordBuffers = buffers
  }

  stopRecording(): void {
    this.#lives = null
    this.#openLives.clear()
  }

  /** Frees the large pieces that a pool keeps, and all records, as a runtime does between phases. */
  trim(): void {
    for (const bytes of this.#recordBuffers) this.#freePiece(bytes)
    this.#recordBuffers = []
    this.#mostTensorBytes = this.#tensorBytes
    for (const [bytes, count] of this.#idle) {
      if (bytes < TRIMMED_BYTES) continue
      this.#idle.delete(bytes)
      this.#idleBytes -= bytes * count
    }
    for (const bytes of this.#readBuffers) {
      if (bytes < TRIMMED_BYTES) continue
      this.#readBuffers.delete(bytes)
      this.#idleBytes -= bytes
    }
  }

  /** The memory that was held since the last call. Counting begins anew. */
  takeHolding(): Holding {
    const holding = { startBytes: this.#start, peakBytes: this.#peak, largestBytes: this.#largest }
    this.#start = this.#peak = this.#held + this.#idleBytes
    this.#largest = 0
    return holding
  }

  /** The work since the last call, by kind of op. Counting begins anew. */
  takeWork(): ReadonlyMap<string, Work> {
    const work = new Map(this.#work)
    this.#work.clear()
    return work
  }

  override write(_values: unknown, shape: number[]): DataId {
    const dataId = {}
    this.#take(dataId, tf.util.sizeFromShape(shape))
    return dataId
  }

  override move(dataId: DataId, _values: unknown, shape: number[], _dtype: DataType, refs: number): void {
    this.#take(dataId, tf.util.sizeFromShape(shape), { refs })
  }

  override readSync(dataId: DataId): Float32Array {
    return new Float32Array(this.#data.get(dataId)?.size ?? 0)
  }

  override async read(dataId: DataId): Promise<Float32Array> {
    const { bytes = 0 } = this.#data.get(dataId) ?? {}
    if (this.#isPooled && !this.#readBuffers.has(bytes)) {
      this.#readBuffers.add(bytes)
      this.#idleBytes += bytes
      this.#grow(0)
    }
    return this.readSync(dataId)
  }

  override incRef(dataId: DataId): void {
    const data = this.#data.get(dataId)
    if (data !== undefined) data.refs += 1
  }

  override refCount(dataId: DataId): number {
    return this.#data.get(dataId)?.refs ?? 0
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const data = this.#data.get(dataId)
    if (data === undefined) return true
    data.refs -= 1
    if (!force && data.refs > 0) return false
    this.#data.delete(dataId)
    const life = this.#openLives.get(dataId)
    if (life !== undefined) life.until = this.#clock
    this.#openLives.delete(dataId)
    this.#freePiece(data.bytes)
    return true
  }

  override numDataIds(): number {
    return this.#data.size
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false }
  }

  override timerAvailable(): boolean {
    return false
  }

  override floatPrecision(): 32 {
    return 32
  }

  override epsilon(): number {
    return 1e-7
  }

  override dispose(): void {
    this.#data.clear()
  }

  #take(
    dataId: DataId,
    size: number,
    { refs = 1, isHalf = false }: Partial<Pick<Piece, "refs" | "isHalf">> = {},
  ): void {
    const bytes = (isHalf ? HALF_BYTES : VALUE_BYTES) * size
    this.#data.set(dataId, { bytes, size, refs, isHalf })
    if (this.#lives !== null) {
      const life: Life = { bytes, from: this.#clock++, until: Number.POSITIVE_INFINITY }
      this.#lives.push(life)
      this.#openLives.set(dataId, life)
    }
    this.#takePiece(bytes)
    this.#largest = Math.max(this.#largest, bytes)
  }

  #takePiece(bytes: number): void {
    this.#tensorBytes += bytes
    this.#mostTensorBytes = Math.max(this.#mostTensorBytes, this.#tensorBytes)
    const idle = this.#idle.get(bytes) ?? 0
    if (idle > 0) {
      this.#idle.set(bytes, idle - 1)
      this.#idleBytes -= bytes
    } else if (bytes >= ROOM_BYTES) {
      this.#makeRoom()
    }
    this.#grow(bytes)
  }

  #freePiece(bytes: number): void {
    this.#held -= bytes
    this.#tensorBytes -= bytes
    if (!this.#isPooled) return
    const idle = this.#idle.get(bytes) ?? 0
    this.#idle.delete(bytes)
    this.#idle.set(bytes, idle + 1)
    this.#idleBytes += bytes
  }

  /** Frees the large pieces that were idle for longest, as a pool does where it would hold too much. */
  #makeRoom(): void {
    const most = Math.max(this.#pooledBytes, this.#mostTensorBytes)
    for (const [bytes, count] of this.#idle) {
      if (bytes < ROOM_BYTES) continue
      const over = this.#tensorBytes + this.#idleBytes - most
      const freed = Math.min(count, Math.max(0, Math.ceil(over / bytes)))
      this.#idle.set(bytes, count - freed)
      this.#idleBytes -= freed * bytes
    }
  }

  #grow(bytes: number): void {
    this.#held += bytes
    this.#peak = Math.max(this.#peak, this.#held + this.#idleBytes)
  }
}

/**
 * Calls `run` on an {@link OutlineBackend} and returns to the backend that was in use. No other code may compute with
 * TensorFlow.js meanwhile.
 */
export async function withOutline<T>(isPooled: boolean, run: (backend: OutlineBackend) => Promise<T>): Promise<T> {
  const before = tf.engine().backendName as string | null
  const backend = new OutlineBackend(isPooled)
  for (const kernel of outlineKernels() as KernelConfig[]) {
    if (tf.getKernel(kernel.kernelName, OUTLINE) == null) tf.registerKernel(kernel)
  }
  tf.registerBackend(OUTLINE, () => backend, 0)
  try {
    await tf.setBackend(OUTLINE)
    return await run(backend)
  } finally {
    tf.removeBackend(OUTLINE)
    if (before) await tf.setBackend(before)
  }
}
