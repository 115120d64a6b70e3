import { describe, expect, it } from "vitest"
import { readAxis } from "./axis.ts"
import { cellEntries } from "./cells.ts"
import { GRID_OPTIONS } from "./options.ts"

const axisOf = (text: string) => {
  const reading = readAxis(GRID_OPTIONS, text)
  if ("problem" in reading) throw new Error(reading.problem)
  return reading.axis
}

describe("an axis", () => {
  it.each([
    ["strength=0,0.5,1", "strength", "control_net_multipliers", ["0", "0.5", "1"]],
    ["seed=1, 2 ,3", "option", "seed", ["1", "2", "3"]],
    ["CFG Scale=1,7.5", "option", "scale", ["1", "7.5"]],
    ["Sampler=Euler a,ddim", "option", "sampler", ["Euler a", "ddim"]],
    ["Steps=1-5", "option", "steps", ["1", "2", "3", "4", "5"]],
    ["Steps=10-30 (+10)", "option", "steps", ["10", "20", "30"]],
    ["steps=5-1 (-2),9", "option", "steps", ["5", "3", "1", "9"]],
    ["strength=0-1 [5]", "strength", "control_net_multipliers", ["0", "0.25", "0.5", "0.75", "1"]],
    ["start=0.3-0.5 (+0.1)", "start", "lllite_starts", ["0.3", "0.4", "0.5"]],
    ['Prompt S/R=red,"dark, blue",a ""b', "prompt", "prompt", ["red", "dark, blue", 'a ""b']],
    ["[ControlNet] Guidance End=0.5,1", "end", "control_net_ratios", ["0.5", "1"]],
    ["clip-skip=1,2", "option", "clip_skip", ["1", "2"]],
    ["size=512x768,1024x1024", "size", "W", ["512x768", "1024x1024"]],
    ['lllite_blocks="input*=0,middle=1",none', "option", "lllite_blocks", ["input*=0,middle=1", "none"]],
    ["control type=canny,depth", "option", "control_net_types", ["canny", "depth"]],
  ])("reads %s", (text, kind, option, values) => {
    expect(axisOf(text)).toMatchObject({ kind, option, values })
  })

  it.each([
    ["seed", "expected NAME=VALUE"],
    ["=1", "expected NAME=VALUE"],
    ["sede=1,2", 'there is no axis "sede"'],
    ["seed=", "a value is empty"],
    ["seed=1,,2", "a value is empty"],
    ["steps=1-1000", "there are 1000 values, expected at most 64"],
    ["steps=1-40,1-40", "there are 80 values, expected at most 64"],
    ["steps=1-65", "there are 65 values, expected at most 64"],
    // Their numbers would fill the memory.
    ["steps=1-99999999999999", "there are 99999999999999 values, expected at most 64"],
    ["strength=0-1 [99999999999999]", "there are 99999999999999 values, expected at most 64"],
    ["strength=0-1 [0]", "a value is empty"],
  ])("refuses %s", (text, message) => {
    expect(() => axisOf(text)).toThrow(message)
  })
})

describe("a cell of a sheet", () => {
  const base = { prompt: "a red ring", negativePrompt: "red", controlNetLlliteModels: ["a", "b"] }
  const entries = (text: string, index: number, changes = {}) =>
    cellEntries(GRID_OPTIONS, { ...base, ...changes }, [{ axis: axisOf(text), index }])

  it("changes one option, for every LLLite", () => {
    expect(entries("steps=5,6", 1)).toEqual([["steps", "6", "steps"]])
    expect(entries("strength=0,1", 1)).toEqual([["control_net_multipliers", ["1", "1"], "strength"]])
    expect(entries("strength=0.2,1", 0, { controlNetLlliteModels: [] })).toEqual([["strength", "0.2", "strength"]])
    expect(entries("curve=0:1,none", 0)).toEqual([["lllite_curves", ["0:1"], "curve"]])
    expect(entries("prompt_syntax=Plain", 0)).toEqual([["prompt_syntax", "plain", "prompt_syntax"]])
    expect(entries("size=512x768", 0)).toMatchObject([
      ["W", "512", "size"],
      ["H", "768", "size"],
    ])
  })

  it("replaces words in both prompts", () => {
    expect(entries("prompt_sr=red,dark blue", 1)).toEqual([
      ["prompt", "a dark blue ring"],
      ["negative_prompt", "dark blue"],
    ])
    expect(entries("prompt_sr=green,blue", 1)).toEqual({
      problem: '"prompt_sr" looks for "green", which is in no prompt',
    })
    expect(entries("size=512", 0)).toEqual({ problem: "size=512: expected WIDTHxHEIGHT such as 1024x768" })
  })
})
