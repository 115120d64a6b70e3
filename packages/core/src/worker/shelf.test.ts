import { describe, expect, it } from "vitest"
import { createShelf } from "./shelf.ts"

describe("a shelf", () => {
  it("disposes an unused value at once, and a used value after its last use", () => {
    const disposed: string[] = []
    const shelf = createShelf<string>("thing", (value) => disposed.push(value))
    shelf.put(1, "one")
    shelf.put(2, "two")
    const [first, second] = [shelf.use(1), shelf.use(1)]
    shelf.remove(1)
    shelf.remove(2)
    expect(disposed).toEqual(["two"])
    first.release()
    expect(disposed).toEqual(["two"])
    second.release()
    expect(disposed).toEqual(["two", "one"])
  })

  it("refuses a removed value, and removes it only once", () => {
    const disposed: string[] = []
    const shelf = createShelf<string>("adapter", (value) => disposed.push(value))
    shelf.put(1, "one")
    shelf.remove(1)
    shelf.remove(1)
    expect(() => shelf.use(1)).toThrow("runtime: adapter 1 is not loaded, or it was disposed. Load it again.")
    expect(disposed).toEqual(["one"])
  })
})
