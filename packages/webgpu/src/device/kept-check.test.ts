import { describe, expect, it } from "vitest"
import { keptCheck } from "./kept-check.ts"
import type { TextStore } from "./text-store.ts"

function storeOf(text?: string): TextStore & { text: string | undefined } {
  return {
    text,
    read() {
      return this.text === undefined ? Promise.reject(new Error("nothing there")) : Promise.resolve(this.text)
    },
    async write(text) {
      this.text = text
    },
  }
}

describe("a check of float16 that is kept", () => {
  it("runs once for every adapter, whatever it finds", async () => {
    const store = storeOf()
    const outcomes = { one: null, two: "0.3 apart" } as const
    let runs = 0
    for (const adapter of ["one", "two", "one", "two"] as const) {
      const check = async (): Promise<string | null> => {
        runs += 1
        return outcomes[adapter]
      }
      expect(await keptCheck(store, adapter, check)).toBe(outcomes[adapter])
    }
    expect(runs).toBe(2)
  })

  it("takes an error for a problem, and a damaged store for an empty one", async () => {
    const store = storeOf("{")
    expect(await keptCheck(store, "one", () => Promise.reject(new Error("the device is lost")))).toBe(
      "the device is lost",
    )
    expect(JSON.parse(store.text ?? "")).toEqual({ one: "the device is lost" })
  })
})
