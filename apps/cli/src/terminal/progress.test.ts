import { describe, expect, it } from "vitest"
import { clock, createReporter } from "./progress.ts"

const record = (isTTY: boolean, columns = 200) => {
  let text = ""
  let time = 0
  const output = {
    isTTY,
    columns,
    write: (piece: string) => {
      text += piece
    },
  }
  const reporter = createReporter(output, () => time)
  return {
    reporter,
    wait: (ms: number) => {
      time += ms
    },
    text: () => text,
    lines: () =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
  }
}

describe("elsewhere than on a terminal", () => {
  it("writes one JSON object a line, with rate and time left", () => {
    const { reporter, wait, lines } = record(false)
    reporter.progress("train", 1, 11, { loss: 0.5 })
    wait(500)
    reporter.progress("train", 2, 11, { loss: 0.25 })
    reporter.say("file", { path: "a.png" }, "wrote a.png")
    reporter.close()
    expect(lines()).toEqual([
      { event: "progress", phase: "train", done: 1, count: 11, loss: 0.5, perSecond: null, secondsLeft: null },
      { event: "progress", phase: "train", done: 2, count: 11, loss: 0.25, perSecond: 2, secondsLeft: 4.5 },
      { event: "file", path: "a.png" },
    ])
  })

  it("measures every phase by itself", () => {
    const { reporter, wait, lines } = record(false)
    reporter.progress("cache", 1, 4)
    wait(1000)
    reporter.progress("cache", 4, 4)
    reporter.progress("train", 1, 10)
    expect(lines().map(({ perSecond }) => perSecond)).toEqual([null, 3, null])
  })

  it("measures again where a phase begins anew", () => {
    const { reporter, wait, lines } = record(false)
    reporter.progress("generate", 1, 1)
    wait(60_000)
    reporter.progress("generate", 0.25, 1)
    wait(500)
    reporter.progress("generate", 0.5, 1)
    expect(lines().map(({ secondsLeft }) => secondsLeft)).toEqual([null, null, 1])
  })
})

describe("on a terminal", () => {
  it("redraws one line, and keeps what is said", () => {
    const { reporter, wait, text } = record(true)
    reporter.progress("train", 5, 10, { loss: 0.123456 })
    wait(1000)
    reporter.progress("train", 6, 10, { loss: 0.1 })
    reporter.say("file", {}, "wrote a.png")
    expect(text().split("\n")).toHaveLength(2)
    expect(text()).toMatch(/train {2}█{12}░{12} {2}5\/10 {2}loss 0\.123/)
    expect(text()).toMatch(/6\/10 {2}loss 0\.100 {2}1\.00\/s {2}0:04 left/)
    expect(text().endsWith("\r\u001b[2Kwrote a.png\n")).toBe(true)
  })

  it("redraws at intervals, and always at the end", () => {
    const { reporter, wait, text } = record(true)
    for (let step = 1; step <= 10; step++) {
      reporter.progress("train", step, 10)
      wait(1)
    }
    expect(text().split("\r")).toHaveLength(3)
    expect(text()).toContain("10/10")
  })

  it("cuts the line at the terminal's width", () => {
    const { reporter, text } = record(true, 30)
    reporter.progress("a phase with a long name", 1, 2)
    expect(text().replace("\r\u001b[2K", "")).toHaveLength(29)
  })
})

it("writes the time in minutes, and in hours if there are any", () => {
  expect([0, 9.6, 65, 7200].map(clock)).toEqual(["0:00", "0:10", "1:05", "2:00:00"])
})
