import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "./options.ts"
import { checkSpeed, speedNotices, speedOf } from "./speed-options.ts"

const least = { ckpt: "tiny", prompt: "a red star", outdir: "out", seed: "1" }

function read(more: Record<string, unknown>) {
  const reader = readRecord(GENERATE_OPTIONS, { ...least, ...more })
  checkSpeed(reader)
  reader.finish()
  return { ...speedOf(reader.settings, reader.isGiven), notices: speedNotices(reader) }
}

const whole = { start: 0, end: 1 }

describe("options of speed", () => {
  it("change nothing where none is given", () => {
    expect(read({})).toEqual({ guidanceWindow: whole, deepCache: null, notices: [] })
  })

  it("give an interval and a depth", () => {
    expect(read({ deep_cache_interval: "3" }).deepCache).toEqual({ interval: 3, depth: 3 })
    expect(read({ deep_cache_interval: "3", deep_cache_depth: "1" }).deepCache).toEqual({ interval: 3, depth: 1 })
  })

  it("pick settings with --fast, say which, and let given options win", () => {
    expect(read({ fast: true })).toEqual({
      ...{ guidanceWindow: { start: 0, end: 0.8 }, deepCache: { interval: 2, depth: 6 } },
      notices: ["--fast picked --guidance_end 0.8, and --deep_cache_interval 2 --deep_cache_depth 6."],
    })
    expect(read({ fast: true, deep_cache_depth: "2" }).deepCache).toEqual({ interval: 2, depth: 2 })
    const given = { fast: true, guidance_end: "1", deep_cache_interval: "1", deep_cache_depth: "2" }
    expect(read(given)).toEqual({
      ...{ guidanceWindow: whole, deepCache: { interval: 1, depth: 2 } },
      notices: ["--fast picked nothing, because all of its options are given."],
    })
    expect(read({ fast: true, guidance_start: "0.9" }).guidanceWindow).toEqual({ start: 0.9, end: 1 })
  })

  it("leave the window out of --fast without guidance", () => {
    expect(read({ fast: true, scale: "1" })).toMatchObject({
      guidanceWindow: whole,
      notices: ["--fast picked --deep_cache_interval 2 --deep_cache_depth 6."],
    })
    expect(read({ fast: true, scale: "1", deep_cache_interval: "3" }).notices).toEqual([
      "--fast picked nothing, because there is no guidance, and the interval of DeepCache is given.",
    ])
  })

  it("leave DeepCache out of --fast with few steps", () => {
    expect(read({ fast: true, steps: "8" })).toMatchObject({
      deepCache: null,
      notices: ["--fast picked --guidance_end 0.8, and no DeepCache, because 8 steps are fewer than 16."],
    })
  })

  it.each([
    [{ deep_cache_depth: "2" }, "--deep_cache_depth has no effect without --deep_cache_interval"],
    [{ deep_cache_interval: "0" }, "--deep_cache_interval is 0, expected a whole number"],
    [{ deep_cache_interval: "2", deep_cache_depth: "10" }, "--deep_cache_depth is 10, expected a whole number"],
  ])("refuse %j", (more, message) => {
    expect(() => read(more)).toThrow(message)
  })
})
