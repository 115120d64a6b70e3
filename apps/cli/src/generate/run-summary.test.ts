import { expect, it } from "vitest"
import { createReporter } from "../terminal/progress.ts"
import { createRunSummary } from "./run-summary.ts"

function record(isTTY: boolean) {
  let [text, time] = ["", 0]
  const write = (piece: string): void => {
    text += piece
  }
  const summary = createRunSummary({ now: () => time, peakBytes: () => 1.5 * 1024 ** 3 })
  const at = (ms: number): typeof summary => {
    time = ms
    return summary
  }
  return { at, reporter: createReporter({ isTTY, write }), text: () => text }
}

it("says seconds per step and memory in two lines, without the time of texts and pictures", () => {
  const { at, reporter, text } = record(true)
  // The texts take 4 s, and the first step ends 1 s later.
  at(5000).step({ first: 0, step: 1 })
  at(6000).step({ first: 0, step: 2 })
  at(7500).step({ first: 0, step: 3 })
  at(12_000).picture(null)
  at(12_000).say(reporter)
  expect(text()).toBe("1 picture, 3 steps, 1.25 s per step.\nPeak memory: 1.5 GiB.\n")
})

it("times each batch alone, where several run at once or follow each other", () => {
  const { at, reporter, text } = record(false)
  at(1000).step({ first: 0, step: 1 })
  at(1500).step({ first: 4, step: 1 })
  at(3000).step({ first: 0, step: 2 })
  at(3500).step({ first: 4, step: 2 })
  at(4000).picture(2048)
  at(9000).step({ first: 0, step: 1 })
  at(11_000).step({ first: 0, step: 2 })
  at(12_000).picture(1024)
  at(12_000).say(reporter)
  expect(JSON.parse(text())).toEqual({
    ...{ event: "summary", pictures: 2, steps: 6, secondsPerStep: 2 },
    ...{ peakBytes: 1.5 * 1024 ** 3, deviceBytes: 2048 },
  })
})

it("says nothing without a picture, and no time per step of one step", () => {
  const { at, reporter, text } = record(true)
  at(1000).step({ first: 0, step: 1 })
  at(1000).say(reporter)
  expect(text()).toBe("")
  at(2000).picture(null)
  at(2000).say(reporter)
  expect(text()).toBe("1 picture, 1 step.\nPeak memory: 1.5 GiB.\n")
})
