import { expectPictures } from "../generation/expect-pictures.ts"
import type { ControlNetHandle, ControlNetHandleUse } from "./contract.ts"
import type { HandleIds } from "./handle-ids.ts"
import { createHandleIds } from "./handle-ids.ts"
import { partOfList } from "./part-of-list.ts"
import type { SentControlNetUse } from "./tasks.ts"

/** The numbers of a runtime's ControlNets in its workers. */
export interface ControlNetIds extends HandleIds<ControlNetHandle> {
  /**
   * The uses to send for a part of the pictures.
   *
   * @param from the index of the part's first picture
   * @param length the number of pictures in the part
   * @param count the number of all pictures
   * @throws CoreError for a ControlNet that is not loaded here, or for a wrong number of control pictures
   */
  sent(uses: readonly ControlNetHandleUse[], from: number, length: number, count: number): readonly SentControlNetUse[]
}

export function createControlNetIds(): ControlNetIds {
  const ids = createHandleIds<ControlNetHandle>("a ControlNet", "loadControlNet")
  return {
    ...ids,
    sent: (uses, from, length, count) =>
      uses.map(({ controlNet, control, ...use }) => {
        expectPictures(control, "a control image")
        return {
          ...use,
          controlNet: ids.get(controlNet),
          control: partOfList(control, { from, length, count }, "control images"),
        }
      }),
  }
}
