import { checkRanges } from "../number-range.ts"
import type { CachedExample } from "./dataset.ts"

/** Keeps values that are made of examples, from step to step. */
export interface ExampleMemo {
  /**
   * The result of `make` for this example. It is made once, and made again only if the memo had no room for it, or the
   * example comes once. The caller must not change it.
   *
   * @param what the name of the value
   */
  of(example: CachedExample, what: string, make: () => Float32Array): Float32Array
}

/** The default size of a memo, in bytes. */
const DEFAULT_BYTES = 128 * 2 ** 20

/** A memo of at most `maxBytes` bytes. It removes the least recently used value first. */
export function createExampleMemo(maxBytes = DEFAULT_BYTES): ExampleMemo {
  checkRanges("memo", { maxBytes }, { maxBytes: { min: 0 } })
  const kept = new Map<string, Float32Array>()
  const ids = new WeakMap<CachedExample, number>()
  let lastId = 0
  let bytes = 0
  const nameOf = (example: CachedExample): string => {
    if (example.key !== undefined) return `key ${example.key}`
    const id = ids.get(example) ?? ++lastId
    ids.set(example, id)
    return String(id)
  }
  return {
    of(example, what, make) {
      if (example.key === null) return make()
      const key = `${nameOf(example)} ${what}`
      const found = kept.get(key)
      if (found !== undefined) {
        // A map keeps keys in the order of insertion.
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

/** A memo that keeps nothing. */
export const NO_MEMO: ExampleMemo = { of: (_, __, make) => make() }
