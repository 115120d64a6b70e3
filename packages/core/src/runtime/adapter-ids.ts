import { expectPictures } from "../generation/expect-pictures.ts"
import type { AdapterHandle, AdapterHandleUse } from "./contract.ts"
import type { HandleIds } from "./handle-ids.ts"
import { createHandleIds } from "./handle-ids.ts"
import { partOfList } from "./part-of-list.ts"
import type { SentAdapterUse } from "./tasks.ts"

/** The numbers of a runtime's adapters in its workers. */
export interface AdapterIds extends HandleIds<AdapterHandle> {
  /**
   * The uses to send for a part of the pictures.
   *
   * @param from the index of the part's first picture
   * @param length the number of pictures in the part
   * @param count the number of all pictures
   * @throws CoreError for an adapter that is not loaded here, or for a wrong number of control images
   */
  sent(uses: readonly AdapterHandleUse[], from: number, length: number, count: number): readonly SentAdapterUse[]
}

export function createAdapterIds(): AdapterIds {
  const ids = createHandleIds<AdapterHandle>("an adapter", "loadAdapter")
  return {
    ...ids,
    sent: (uses, from, length, count) =>
      uses.map(({ adapter, ...use }): SentAdapterUse => {
        const id = ids.get(adapter)
        const part = <T>(list: T | readonly T[], what: string): T | readonly T[] =>
          partOfList(list, { from, length, count }, what)
        const { control, mask, hole, strength, ...rest } = use
        expectPictures(control, "a control image")
        if (mask !== undefined) expectPictures(mask, "a mask")
        if (hole !== undefined) expectPictures(hole, "a hole")
        return {
          ...{ ...rest, adapter: id, control: part(control, "control images") },
          ...(mask === undefined ? {} : { mask: part(mask, "masks") }),
          ...(hole === undefined ? {} : { hole: part(hole, "holes") }),
          ...(strength === undefined ? {} : { strength: part(strength, "strengths") }),
        }
      }),
  }
}
