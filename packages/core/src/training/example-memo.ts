import type { CachedExample } from "./dataset.ts"

/** Keeps what is made of examples from step to step. */
export interface ExampleMemo {
  /**
   * What `make` gives for this example. It is made once, and again only where there was no room to keep it. The caller
   * must not change it.
   *
   * @param what names what is made
   */
  of(example: CachedExample, what: string, make: () => Float32Array): Float32Array
}

/** Bytes that are kept where nothing else is said. */
const DEFAULT_BYTES = 128 * 2 ** 20

/** A memo of at most so many bytes. What was not asked for the longest goes first. */
export function createExampleMemo(maxBytes = DEFAULT_BYTES): ExampleMemo {
  const kept = new Map<string, Float32Array>()
  const ids = new WeakMap<CachedExample, number>()
  let lastId = 0
  let bytes = 0
  return {
    of(example, what, make) {
      const id = ids.get(example) ?? ++lastId
      ids.set(example, id)
      const key = `${id} ${what}`
      const found = kept.get(key)
      if (found !== undefined) {
        // A map keeps the order in which keys were set.
        kept.delete(key)
        kept.set(key, found)
        return found
      }
      const made = make()
      if (made.byteLength > maxBytes) return made
      kept.set(key, made)
      bytes += made.byteLength
      for (const [oldest, values] of kept) {
        if (bytes <= maxBytes) break
        kept.delete(oldest)
        bytes -= values.byteLength
      }
      return made
    },
  }
}

/** Keeps nothing. */
export const NO_MEMO: ExampleMemo = { of: (_, __, make) => make() }
