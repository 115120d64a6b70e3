type Numbers = Float32Array | Uint8Array

/**
 * Copies data, with arrays of numbers in memory that all threads can read. Data without such an array is returned
 * unchanged.
 */
export function shareArrays<T>(value: T): T {
  return walked(value, sharedCopy) as T
}

/** As {@link shareArrays}. An array that is in such memory already is not copied. */
export function shareUnshared<T>(value: T): T {
  return walked(value, (array) => (array.buffer instanceof SharedArrayBuffer ? array : sharedCopy(array))) as T
}

function walked(value: unknown, share: (array: Numbers) => Numbers): unknown {
  if (value instanceof Float32Array || value instanceof Uint8Array) return share(value)
  if (Array.isArray(value)) {
    const items = value.map((item) => walked(item, share))
    return items.some((item, i) => item !== value[i]) ? items : value
  }
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries = Object.entries(value).map(([key, item]) => [key, item, walked(item, share)] as const)
  if (entries.every(([, before, after]) => before === after)) return value
  return Object.fromEntries(entries.map(([key, , after]) => [key, after]))
}

function sharedCopy(array: Numbers): Numbers {
  const buffer = new SharedArrayBuffer(array.byteLength)
  const copy = array instanceof Float32Array ? new Float32Array(buffer) : new Uint8Array(buffer)
  copy.set(array)
  return copy
}
