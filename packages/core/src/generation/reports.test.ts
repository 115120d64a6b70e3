import { describe, expect, it } from "vitest"
import { createReports } from "./reports.ts"

describe("reports from inside of a step", () => {
  /** Two steps of two reports each, and what has run. */
  function begin() {
    const log: string[] = []
    const reports = createReports<number>()
    async function* steps(): AsyncGenerator<string, string, void> {
      try {
        for (const step of [1, 2]) {
          for (const part of [1, 2]) {
            log.push(`part ${step}.${part}`)
            await reports.report(10 * step + part)
          }
          yield `step ${step}`
        }
        return "result"
      } catch (error) {
        log.push(`ended by ${(error as Error).name}`)
        throw error
      } finally {
        log.push("ended")
      }
    }
    return { log, within: reports.within(steps()) }
  }

  it("come between the steps in their order, and the result last", async () => {
    const { within } = begin()
    const seen: unknown[] = []
    let next = await within.next()
    for (; next.done !== true; next = await within.next()) {
      seen.push(next.value.kind === "report" ? next.value.report : next.value.step)
    }
    expect(seen).toEqual([11, 12, "step 1", 21, 22, "step 2"])
    expect(next.value).toBe("result")
  })

  it("let nothing run while the consumer has one", async () => {
    const { log, within } = begin()
    await within.next()
    await new Promise((later) => setTimeout(later))
    expect(log).toEqual(["part 1.1"])
    await within.next()
    expect(log).toEqual(["part 1.1", "part 1.2"])
    await within.return("")
  })

  it("end the step when the consumer leaves at one, or between two", async () => {
    const atReport = begin()
    await atReport.within.next()
    await atReport.within.return("")
    expect(atReport.log).toEqual(["part 1.1", "ended by LeftError", "ended"])
    const atStep = begin()
    for (let i = 0; i < 3; i++) await atStep.within.next()
    await atStep.within.return("")
    expect(atStep.log).toEqual(["part 1.1", "part 1.2", "ended"])
  })

  it("pass on an error of a step", async () => {
    const reports = createReports<number>()
    async function* failing(): AsyncGenerator<string, void, void> {
      await reports.report(1)
      yield "step 1"
      throw new Error("out of memory")
    }
    const within = reports.within(failing())
    expect(await within.next()).toMatchObject({ value: { kind: "report", report: 1 } })
    expect(await within.next()).toMatchObject({ value: { kind: "step", step: "step 1" } })
    await expect(within.next()).rejects.toThrow("out of memory")
  })
})
