import { POOLED_BYTES, ROOM_BYTES, TRIMMED_BYTES } from "@lllite/core/ops"
import { RecordBuffers } from "./record-buffers.ts"

/**
 * Buffers of a device that are used again, in place of tfjs's `BufferManager`. Of the free buffers of a size it gives
 * the oldest one. So a pass of a model takes the same buffers in the same order as the pass before it. All buffers together
 * stay within its bound, or within what was in use at one time since the last trim.
 */
export class BufferPool {
  /** Buffers of records of passes. They count as used. */
  readonly records = new RecordBuffers()
  readonly #device: GPUDevice
  readonly #beforeFree: () => void
  /** Free buffers by size and usage, oldest first. Sizes that became free last come last. */
  readonly #free = new Map<number, GPUBuffer[]>()
  readonly #used = new Set<GPUBuffer>()
  readonly #ages = new WeakMap<GPUBuffer, number>()
  /** How many tensors have a part of a buffer, where several do. */
  readonly #sharers = new Map<GPUBuffer, number>()
  #made = 0
  #freeCount = 0
  /** Bytes of buffers in use. tfjs reads both numbers for `tf.memory`. */
  numBytesUsed = 0
  /** Bytes of all buffers. */
  numBytesAllocated = 0
  #mostBytesUsed = 0
  /** Bytes that it may hold, free buffers included. It holds more where more was in use at one time since the last trim. */
  pooledBytes = POOLED_BYTES

  /** @param beforeFree submits the recorded commands, which may use buffers that are free by now */
  constructor(device: GPUDevice, beforeFree: () => void) {
    this.#device = device
    this.#beforeFree = beforeFree
  }

  acquireBuffer(size: number, usage: GPUBufferUsageFlags, mappedAtCreation = false, reuse = true): GPUBuffer {
    const key = keyOf(size, usage)
    const free = reuse ? this.#free.get(key)?.shift() : undefined
    if (free !== undefined) this.#freeCount -= 1
    else if (size >= ROOM_BYTES) this.#makeRoom(size)
    const buffer = free ?? this.#make(size, usage, mappedAtCreation)
    this.#used.add(buffer)
    this.numBytesUsed += size
    this.#mostBytesUsed = Math.max(this.#mostBytesUsed, this.numBytesUsed)
    this.records.note(buffer)
    return buffer
  }

  /** Makes several tensors the users of a buffer in use. It is free when each of them has released it. */
  share(buffer: GPUBuffer, tensors: number): void {
    this.#sharers.set(buffer, tensors)
  }

  releaseBuffer(buffer: GPUBuffer, reuse = true): void {
    const sharers = this.#sharers.get(buffer) ?? 1
    if (sharers > 1) {
      this.#sharers.set(buffer, sharers - 1)
      return
    }
    this.#sharers.delete(buffer)
    if (reuse && this.records.release(buffer)) return
    // After `dispose` tfjs still releases what it held.
    if (!this.#used.delete(buffer)) return
    this.numBytesUsed -= buffer.size
    if (!reuse) {
      this.#destroy(buffer)
      return
    }
    const key = keyOf(buffer.size, buffer.usage)
    const free = this.#free.get(key) ?? []
    const age = this.#age(buffer)
    let at = free.length
    while (at > 0 && this.#age(free[at - 1] as GPUBuffer) > age) at -= 1
    free.splice(at, 0, buffer)
    this.#free.delete(key)
    this.#free.set(key, free)
    this.#freeCount += 1
  }

  /** Frees the buffers of `TRIMMED_BYTES` and more that are not in use. */
  trim(): void {
    for (const [key, free] of this.#free) {
      if ((free[0]?.size ?? 0) < TRIMMED_BYTES) continue
      for (const buffer of free) this.#destroy(buffer)
      this.#freeCount -= free.length
      this.#free.delete(key)
    }
    this.#mostBytesUsed = this.numBytesUsed
  }

  /** Frees large buffers, those first that were free for longest, where one more would be too much. */
  #makeRoom(size: number): void {
    const most = Math.max(this.pooledBytes, this.#mostBytesUsed, this.numBytesUsed + size)
    if (this.numBytesAllocated + size <= most) return
    this.#beforeFree()
    for (const free of this.#free.values()) {
      if ((free[0]?.size ?? 0) < ROOM_BYTES) continue
      while (free.length > 0 && this.numBytesAllocated + size > most) {
        this.#destroy(free.pop() as GPUBuffer)
        this.#freeCount -= 1
      }
    }
  }

  getNumUsedBuffers(): number {
    return this.#used.size
  }

  getNumFreeBuffers(): number {
    return this.#freeCount
  }

  dispose(): void {
    for (const buffer of [...this.#used, ...[...this.#free.values()].flat()]) this.#destroy(buffer)
    this.#used.clear()
    this.#free.clear()
    this.#freeCount = this.numBytesUsed = 0
  }

  #make(size: number, usage: GPUBufferUsageFlags, mappedAtCreation: boolean): GPUBuffer {
    const buffer = this.#device.createBuffer({ size, usage, mappedAtCreation })
    this.#ages.set(buffer, this.#made++)
    this.numBytesAllocated += size
    return buffer
  }

  #destroy(buffer: GPUBuffer): void {
    buffer.destroy()
    this.numBytesAllocated -= buffer.size
  }

  #age(buffer: GPUBuffer): number {
    return this.#ages.get(buffer) ?? 0
  }
}

/**
 * Writes values to a buffer.
 *
 * @param from the first byte
 */
export function writeValues(
  device: GPUDevice,
  buffer: GPUBuffer,
  from: number,
  values: Float32Array | Uint8Array,
): void {
  // Shared memory, in which workers have their values, makes Dawn crash in Node 20.
  const own = values.buffer instanceof ArrayBuffer ? values : values.slice()
  device.queue.writeBuffer(buffer, from, own as Uint8Array<ArrayBuffer>)
}

/** Usages are flags below 2^10. */
function keyOf(size: number, usage: GPUBufferUsageFlags): number {
  return size * 2 ** 10 + usage
}
