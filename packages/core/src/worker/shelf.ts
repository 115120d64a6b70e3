import { CoreError } from "../errors.ts"

/** Things on a device, by number, each kept until nothing uses it any more. */
export interface Shelf<T> {
  put(id: number, value: T): void
  /** The thing, kept until it is released. @throws CoreError if there is none of this number */
  use(id: number): { readonly value: T; release(): void }
  /** Takes the thing away. It is disposed as soon as every use of it is released. */
  remove(id: number): void
}

/** @param what the things, in errors: "an SDXL" */
export function createShelf<T>(what: string, dispose: (value: T) => void): Shelf<T> {
  const entries = new Map<number, { readonly value: T; users: number; isRemoved: boolean }>()
  return {
    put: (id, value) => void entries.set(id, { value, users: 0, isRemoved: false }),
    use(id) {
      const entry = entries.get(id)
      if (entry === undefined) throw new CoreError(`runtime: there is no ${what} of this number, or it was disposed`)
      entry.users += 1
      return {
        value: entry.value,
        release() {
          entry.users -= 1
          if (entry.isRemoved && entry.users === 0) dispose(entry.value)
        },
      }
    },
    remove(id) {
      const entry = entries.get(id)
      if (entry === undefined) return
      entries.delete(id)
      entry.isRemoved = true
      if (entry.users === 0) dispose(entry.value)
    },
  }
}
