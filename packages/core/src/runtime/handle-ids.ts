import { CoreError } from "../errors.ts"

/** The numbers that handles have in a runtime's workers. */
export interface HandleIds<Handle extends object> {
  /** Stores a handle's number. */
  add(handle: Handle, id: number): void
  /** Removes a handle and gives its number. Null if it is removed already. */
  remove(handle: Handle): number | null
  /** The number of a handle. @throws CoreError for one that is not loaded here */
  get(handle: Handle): number
}

/** @param what the thing in errors, with its article, and @param loader the method that loads it */
export function createHandleIds<Handle extends object>(what: string, loader: string): HandleIds<Handle> {
  const ids = new WeakMap<Handle, number>()
  return {
    add: (handle, id) => void ids.set(handle, id),
    remove(handle) {
      const id = ids.get(handle) ?? null
      ids.delete(handle)
      return id
    },
    get(handle) {
      const id = ids.get(handle)
      if (id !== undefined) return id
      throw new CoreError(
        "not-loaded",
        `generate: ${what} is not loaded in this runtime, or it was disposed. Load it with the runtime's ${loader}.`,
      )
    },
  }
}
