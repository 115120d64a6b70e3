import { CoreError } from "../errors.ts"
import type { AdapterHandle, AdapterHandleUse } from "./contract.ts"
import type { SentAdapterUse } from "./tasks.ts"

/** The numbers that a runtime's adapters have in its workers. */
export interface AdapterIds {
  /** Gives a handle its number. */
  add(handle: AdapterHandle, id: number): void
  /** From now on the handle is refused. Null if it is already. */
  remove(handle: AdapterHandle): number | null
  /**
   * Uses as they are sent for some of the pictures.
   *
   * @param from the first of the pictures
   * @param length how many of them
   * @param count pictures in all
   * @throws CoreError for an adapter that is not loaded here, or for a wrong number of controls
   */
  sent(uses: readonly AdapterHandleUse[], from: number, length: number, count: number): readonly SentAdapterUse[]
}

export function createAdapterIds(): AdapterIds {
  const ids = new WeakMap<AdapterHandle, number>()
  return {
    add: (handle, id) => void ids.set(handle, id),
    remove(handle) {
      const id = ids.get(handle) ?? null
      ids.delete(handle)
      return id
    },
    sent: (uses, from, length, count) =>
      uses.map(({ adapter, ...use }): SentAdapterUse => {
        const id = ids.get(adapter)
        if (id === undefined) {
          throw new CoreError(
            "generate: an adapter is not loaded in this runtime, or it was disposed. Load it with the runtime's loadAdapter.",
          )
        }
        const { control } = use
        if (!Array.isArray(control) || control.length === 1) return { ...use, adapter: id }
        if (control.length !== count) {
          throw new CoreError(
            `generate: ${control.length} control images for ${count} pictures, expected 1 or ${count}`,
          )
        }
        return { ...use, adapter: id, control: control.slice(from, from + length) }
      }),
  }
}
