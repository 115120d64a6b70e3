import { CoreError } from "../errors.ts"

/** Values on a device, by number. Each is kept until its last use ends. */
export interface Shelf<T> {
  put(id: number, value: T): void
  /** Gives a value, and keeps it until it is released. @throws CoreError for an unknown number */
  use(id: number): { readonly value: T; release(): void }
  /** Removes a value. It is disposed as soon as every use of it is released. */
  remove(id: number): void
}

/** @param what the name of the values in errors */
export function createShelf<T>(what: string, dispose: (value: T) => void): Shelf<T> {
  const entries = new Map<number, { readonly value: T; users: number; isRemoved: boolean }>()
  return {
    put: (id, value) => void entries.set(id, { value, users: 0, isRemoved: false }),
    use(id) {
      const entry = entries.get(id)
      if (entry === undefined)
        throw new CoreError("not-loaded", `runtime: ${what} ${id} is not loaded, or it was disposed. Load it again.`)
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
