import type { TensorflowDevice } from "./device.ts"

/** Addresses that are multiples of this suit TensorFlow's vector instructions: `EIGEN_MAX_ALIGN_BYTES` with AVX-512. */
const ALIGNMENT = 64
/** JavaScript's memory begins at multiples of at least this many bytes. */
const FINEST = 8
/**
 * Bytes of the first allocation. Each allocation is twice the one before, up to `LARGEST_SLAB_BYTES`. Bytes that are
 * not used are never touched and take no memory. Few allocations are better, since each one may run the garbage
 * collector over all objects.
 */
const FIRST_SLAB_BYTES = 16 * 2 ** 20
const LARGEST_SLAB_BYTES = 512 * 2 ** 20

/** Milliseconds for which scratch memory is kept for the next call. */
const IDLE_MS = 1000

/**
 * Memory for weights. It begins at an address that TensorFlow uses in place, if there is one. Weights are then read
 * from the file into their final place. Otherwise TensorFlow makes a copy.
 */
export interface Arena {
  /** Bytes that no other call returns. */
  take(length: number): Uint8Array
  /** Bytes that are valid until the next call of `scratch`, which returns the same memory. */
  scratch(length: number): Uint8Array
}

/**
 * Gives out memory of JavaScript. TensorFlow's own allocator requests ever larger pieces. It keeps a table for each
 * piece, of 1/32 of its size: 250 MiB for SDXL.
 */
export function createArena(device: TensorflowDevice): Arena {
  let slab = new Uint8Array(0)
  let nextBytes = FIRST_SLAB_BYTES
  let scratchMemory = new Uint8Array(0)
  let timer: NodeJS.Timeout | undefined
  return {
    take(length) {
      const room = Math.ceil(length / ALIGNMENT) * ALIGNMENT
      if (slab.byteLength < room) {
        slab = openSlab(device, Math.max(nextBytes, room))
        nextBytes = Math.min(2 * nextBytes, LARGEST_SLAB_BYTES)
      }
      const bytes = slab.subarray(0, length)
      slab = slab.subarray(room)
      return bytes
    },
    scratch(length) {
      clearTimeout(timer)
      timer = setTimeout(() => {
        scratchMemory = new Uint8Array(0)
      }, IDLE_MS).unref()
      if (scratchMemory.byteLength < length) scratchMemory = openSlab(device, length)
      return scratchMemory.subarray(0, length)
    },
  }
}

function openSlab(device: TensorflowDevice, length: number): Uint8Array<ArrayBuffer> {
  const buffer = new ArrayBuffer(length + ALIGNMENT)
  for (let start = 0; start < ALIGNMENT; start += FINEST) {
    if (device.adopts(new Float32Array(buffer, start, ALIGNMENT / 4))) return new Uint8Array(buffer, start, length)
  }
  return new Uint8Array(buffer, 0, length)
}
