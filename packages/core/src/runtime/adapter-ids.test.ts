import { describe, expect, it } from "vitest"
import type { RgbImage } from "../image.ts"
import { createAdapterIds } from "./adapter-ids.ts"
import type { AdapterHandle } from "./contract.ts"

const handle = (): AdapterHandle => ({ adapters: [], notices: [], dispose: async () => {} })
const control = (value: number): RgbImage => ({ width: 2, height: 1, data: new Uint8Array(6).fill(value) })

describe("the uses of adapters for a part of the pictures", () => {
  it("have the controls of the part's own pictures, or the one that all share", () => {
    const ids = createAdapterIds()
    const [first, second] = [handle(), handle()]
    ids.add(first, 4)
    ids.add(second, 9)
    const controls = [0, 1, 2, 3, 4].map(control)
    const uses = [
      { adapter: first, control: controls, strength: 0.5 },
      { adapter: second, control: [control(7)] },
      { adapter: second, control: control(8) },
    ]
    expect(ids.sent(uses, 2, 2, 5)).toEqual([
      { adapter: 4, control: [control(2), control(3)], strength: 0.5 },
      { adapter: 9, control: [control(7)] },
      { adapter: 9, control: control(8) },
    ])
    expect(ids.sent(uses.slice(0, 1), 4, 1, 5)).toEqual([{ adapter: 4, control: [control(4)], strength: 0.5 }])
    expect(() => ids.sent(uses, 0, 2, 6)).toThrow("5 control images for 6 pictures, expected 1 or 6")
  })

  it("name no adapter that was removed, or that another runtime loaded", () => {
    const ids = createAdapterIds()
    const known = handle()
    ids.add(known, 1)
    expect(ids.remove(known)).toBe(1)
    expect(ids.remove(known)).toBeNull()
    const use = { adapter: known, control: control(1) }
    expect(() => ids.sent([use], 0, 1, 1)).toThrow("an adapter is not loaded in this runtime")
  })
})
