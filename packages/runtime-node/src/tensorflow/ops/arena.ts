import type { TensorflowDevice } from "./device.ts"

/** Multiples of this many bytes suit TensorFlow's vector instructions: `EIGEN_MAX_ALIGN_BYTES` with AVX-512. */
const ALIGNMENT = 64
/** JavaScript's own memory begins at multiples of this many bytes at least. */
const FINEST = 8
/**
 * How much memory is asked for at once: twice as much every time. What is not used of it is never touched, and takes no
 * room; but for every piece the garbage collector looks through all objects.
 */
const FIRST_SLAB_BYTES = 16 * 2 ** 20
const LARGEST_SLAB_BYTES = 512 * 2 ** 20

/** How long borrowed memory is kept for whoever asks next. */
const IDLE_MS = 1000

/**
 * Memory for weights. It begins where TensorFlow uses it as it lies, if it does so anywhere: weights are then read from
 * the file to where they stay. Otherwise TensorFlow takes a copy.
 */
export interface Arena {
  /** Bytes that nobody else gets. */
  take(length: number): Uint8Array
  /** Bytes that the next one to borrow gets, too. */
  borrow(length: number): Uint8Array
}

/**
 * Hands out memory of JavaScript's. TensorFlow's own allocator asks for ever larger pieces, and keeps a table of each
 * of a thirty-second of its size: 250 MiB for SDXL.
 */
export function createArena(device: TensorflowDevice): Arena {
  let slab = new Uint8Array(0)
  let nextBytes = FIRST_SLAB_BYTES
  let lent = new Uint8Array(0)
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
    borrow(length) {
      clearTimeout(timer)
      timer = setTimeout(() => {
        lent = new Uint8Array(0)
      }, IDLE_MS).unref()
      if (lent.byteLength < length) lent = openSlab(device, length)
      return lent.subarray(0, length)
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
