import { setImmediate as later } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { paceEvents } from "./pace-events.ts"

describe("events of Dawn", () => {
  it("are looked for by a timer, and callbacks of others run as before", async () => {
    paceEvents()
    const paced = globalThis.setImmediate
    paceEvents()
    expect(globalThis.setImmediate).toBe(paced)

    const ran: string[] = []
    const own = new Promise<void>((resolve) => {
      const immediate = setImmediate((text: string) => {
        ran.push(text)
        resolve()
      }, "own")
      expect(immediate.hasRef()).toBe(true)
    })
    const stopped = setImmediate(() => ran.push("stopped"))
    clearImmediate(stopped)
    await own
    await later()
    expect(ran).toEqual(["own"])

    // A native function without a name, as the binding's are.
    const native = Object.defineProperty(ran.push.bind(ran), "name", { value: "" })
    setImmediate(native, "native")
    await later()
    expect(ran).toEqual(["own"])
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(ran).toEqual(["own", "native"])
  })
})
