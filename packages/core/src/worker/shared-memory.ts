/**
 * Copies data, with arrays of numbers in memory that all threads can read. Data without such an array is returned
 * unchanged.
 */
export function shareArrays<T>(value: T): T {
  return shared(value) as T
}

function shared(value: unknown): unknown {
  if (value instanceof Float32Array || value instanceof Uint8Array) return sharedArray(value)
  if (Array.isArray(value)) {
    const items = value.map(shared)
    return items.some((item, i) => item !== value[i]) ? items : value
  }
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries = Object.entries(value).map(([key, item]) => [key, item, shared(item)] as const)
  if (entries.every(([, before, after]) => before === after)) return value
  return Object.fromEntries(entries.map(([key, , after]) => [key, after]))
}

function sharedArray(array: Float32Array | Uint8Array): Float32Array | Uint8Array {
  const buffer = new SharedArrayBuffer(array.byteLength)
  const copy = array instanceof Float32Array ? new Float32Array(buffer) : new Uint8Array(buffer)
  copy.set(array)
  return copy
}
